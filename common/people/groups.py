"""Making the groups of staff, and giving permissions to them, in migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.management import create_permissions

from common.observability.context import acting_as

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def give(apps: Any, wanted: Mapping[str, Collection[str]]) -> None:
    """Give groups these permissions (``products.view_product``), and make those that are not there.

    What a group has besides stays: an administrator may have given it. Permissions that Django
    makes only after all migrations are made here first. Refuses with LookupError what is no
    permission of any model as ``apps`` has it.
    """
    with acting_as("migrate"):
        _make_permissions(
            apps, {name.partition(".")[0] for given in wanted.values() for name in given}
        )
        known = _permissions(apps)
        for name, given in wanted.items():
            if unknown := set(given) - known.keys():
                raise LookupError(f"There are no permissions {sorted(unknown)}.")
            group, _is_new = apps.get_model("auth", "Group").objects.get_or_create(name=name)
            group.permissions.add(*(known[permission] for permission in given))


def _make_permissions(apps: Any, labels: set[str]) -> None:
    for label in sorted(labels):
        config = apps.get_app_config(label)
        config.models_module = True  # or it is taken for an app without models
        create_permissions(config, verbosity=0, apps=apps)


def _permissions(apps: Any) -> dict[str, int]:
    rows = apps.get_model("auth", "Permission").objects.values_list(
        "content_type__app_label", "codename", "pk"
    )
    return {f"{label}.{codename}": pk for label, codename, pk in rows}
