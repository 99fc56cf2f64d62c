"""Make the database ready before the processes that serve it: ``python -m config.prepare``.

Safe to run again and again. Run by the supervisor in a process of its own, so that the
supervisor stays small and a wrong setting ends this process with its sentence.
"""

import os
import sys

import django
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from common.errors import DomainError
from config import demo
from config.environment import SettingError, is_set


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")  # a newcomer's first screen is the banner
    django.setup()
    _reach_database()
    call_command("migrate", interactive=False, verbosity=0)
    if key := demo.api_key():
        _ensure_key(key)
    if demo.wants_access():
        _ensure_staff()
    if demo.wants_data():
        call_command("seed_demo", verbosity=0)
        call_command("summarise_days", verbosity=0)  # a demo of earlier days, or of a release ago
        _rebuild_catalogue()


def _reach_database() -> None:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        reason = str(error).partition("\n")[0]
        raise SettingError(f"DATABASE_URL leads to no usable database: {reason}") from None


def _rebuild_catalogue() -> None:
    """Most of a large demo is no event. Without its MongoDB everything else starts all the same."""
    try:
        call_command("rebuild_catalogue", verbosity=0)
    except CommandError as error:
        sys.stderr.write(f"The catalogue is late: {error}\n")


def _ensure_key(secret: str) -> None:
    from common.access.operations import ensure_key  # noqa: PLC0415 - needs django.setup()

    name, source = ("bootstrap", "API_KEY") if is_set("API_KEY") else ("demo", demo.KEY_FILE)
    try:
        ensure_key(name=name, secret=secret)
    except DomainError as error:
        raise SettingError(f"{source} cannot be used as a key: {error.detail}") from None


def _ensure_staff() -> None:
    """Hashing a password is slow on purpose, so it is done once and not at every start."""
    users = get_user_model().objects
    is_kept = demo.PASSWORD_FILE.exists()
    password = demo.staff_password()
    user = users.filter(username=demo.STAFF_NAME).first()
    if user is None:
        users.create_superuser(demo.STAFF_NAME, demo.STAFF_ADDRESS, password)
    elif not is_kept:  # the file with the password of the one in the database was lost
        user.set_password(password)
        user.save(update_fields=["password"])


if __name__ == "__main__":
    main()
