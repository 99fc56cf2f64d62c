from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "common.access"
    label = "access"
    verbose_name = "API access"
