"""Make the database ready before the processes that serve it: ``python -m config.prepare``.

Safe to run again and again. Run by the supervisor in a process of its own, so that the
supervisor stays small and a wrong setting ends this process with its sentence.
"""

import os

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command

from config import demo
from config.environment import is_set


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    if key := demo.api_key():
        _ensure_key(key)
    if demo.wants_access():
        _ensure_staff()
    if demo.wants_data():
        call_command("seed_demo", verbosity=0)


def _ensure_key(secret: str) -> None:
    from common.access.operations import ensure_key  # noqa: PLC0415 - needs django.setup()

    ensure_key(name="bootstrap" if is_set("API_KEY") else "demo", secret=secret)


def _ensure_staff() -> None:
    """Hashing a password is slow on purpose, so it is done once and not at every start."""
    is_kept = demo.has_staff_password()
    password = demo.staff_password()
    user, is_new = get_user_model().objects.get_or_create(
        username=demo.STAFF_NAME, defaults={"is_staff": True, "is_superuser": True}
    )
    if is_new or not is_kept:
        user.set_password(password)
        user.save(update_fields=["password"])


if __name__ == "__main__":
    main()
