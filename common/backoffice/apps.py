"""Puts our admin site in the place of Django's."""

from django.apps import apps
from django.contrib.admin.apps import AdminConfig

from common.backoffice.common_sentences import SENTENCES
from common.backoffice.sentences import know
from common.backoffice.words import translate_names


class BackOfficeConfig(AdminConfig):
    default_site = "common.backoffice.site.BackOffice"

    def ready(self) -> None:
        """Forms take the names of fields when they are imported, so the names come first."""
        translate_names(apps.get_models())
        know(SENTENCES)
        super().ready()
