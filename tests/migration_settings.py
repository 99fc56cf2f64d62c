"""The project's settings, with the linter of migrations that only `make check` needs."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as PROJECT_APPS

INSTALLED_APPS = [*PROJECT_APPS, "django_migration_linter"]
NOT_OURS = ["axes", "otp_static", "otp_totp"]  # and new with every table
MIGRATION_LINTER_OPTIONS = {"exclude_apps": NOT_OURS}
