"""The names of models and their fields, in the language of whoever reads the page.

A model is named in English, once; the back office looks the name up in the catalog. So a field
that is new needs its name here and in the catalogs, and no migration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Field, Model

OURS: Final = frozenset({"common", "products", "inventory"})

NAMES: Final = (
    _("action"),
    _("actor"),
    _("address"),
    _("agent"),
    _("allocated"),
    _("allocation"),
    _("allocations"),
    _("allow incoming"),
    _("API key"),
    _("API key secret"),
    _("API key secrets"),
    _("API keys"),
    _("attempt count"),
    _("attempts"),
    _("available"),
    _("barcode"),
    _("batch"),
    _("batches"),
    _("categories"),
    _("category"),
    _("change"),
    _("changes"),
    _("code"),
    _("confirmed"),
    _("count line"),
    _("count lines"),
    _("count sheet"),
    _("count sheets"),
    _("counted"),
    _("counted at"),
    _("counted by"),
    _("created at"),
    _("created by"),
    _("data"),
    _("day"),
    _("deleted at"),
    _("delta"),
    _("description"),
    _("disabled reason"),
    _("door"),
    _("email"),
    _("endpoint"),
    _("ETA"),
    _("event"),
    _("event id"),
    _("event types"),
    _("events"),
    _("expected"),
    _("expires at"),
    _("failing since"),
    _("first name"),
    _("from location"),
    _("groups"),
    _("handled at"),
    _("handled message"),
    _("handled messages"),
    _("id"),
    _("idempotency record"),
    _("idempotency records"),
    _("images"),
    _("import"),
    _("import content"),
    _("import row"),
    _("import rows"),
    _("imports"),
    _("incoming"),
    _("is active"),
    _("is blind"),
    _("is staff"),
    _("is superuser"),
    _("last name"),
    _("last used at"),
    _("level to replenish"),
    _("levels to replenish"),
    _("location"),
    _("locations"),
    _("mail"),
    _("mails"),
    _("movement count"),
    _("name"),
    _("next attempt at"),
    _("next eta"),
    _("note"),
    _("notification"),
    _("notifications"),
    _("occurred at"),
    _("on hand"),
    _("on hand after"),
    _("order reference"),
    _("parent"),
    _("password"),
    _("permissions"),
    _("previous secret until"),
    _("price"),
    _("priority"),
    _("product"),
    _("products"),
    _("quantity"),
    _("quota per minute"),
    _("reader"),
    _("readers"),
    _("reason"),
    _("received quantity"),
    _("recipient"),
    _("recipients"),
    _("reference"),
    _("reorder point"),
    _("reorder quantity"),
    _("request id"),
    _("reservation"),
    _("reservation line"),
    _("reservation lines"),
    _("reservations"),
    _("reserved"),
    _("reversal of"),
    _("revoked at"),
    _("safety stock"),
    _("saved view"),
    _("saved views"),
    _("scope"),
    _("scopes"),
    _("secret"),
    _("seen at"),
    _("sequence"),
    _("sequencer"),
    _("sequencers"),
    _("session"),
    _("sessions"),
    _("sheet"),
    _("SKU"),
    _("slug"),
    _("snoozed until"),
    _("source"),
    _("started at"),
    _("status"),
    _("stock day"),
    _("stock days"),
    _("stock level"),
    _("stock level to order for"),
    _("stock levels"),
    _("stock levels to order for"),
    _("stock movement"),
    _("stock movements"),
    _("subject"),
    _("subject id"),
    _("subject type"),
    _("subscription"),
    _("subscriptions"),
    _("to location"),
    _("transfer"),
    _("transfers"),
    _("type"),
    _("updated at"),
    _("url"),
    _("user"),
    _("user permissions"),
    _("username"),
    _("version"),
    _("webhook deliveries"),
    _("webhook delivery"),
    _("webhook endpoint"),
    _("webhook endpoints"),
)
"""What there is to look up, for makemessages, which reads the source alone."""


def translate_names(models: Iterable[type[Model]]) -> None:
    """Let our models and their fields be called by what the catalogs have for their names."""
    for model in models:
        if model.__module__.partition(".")[0] not in OURS:
            continue
        meta = model._meta  # noqa: SLF001  public in all but its name
        meta.verbose_name = gettext_lazy(str(meta.verbose_name))
        meta.verbose_name_plural = gettext_lazy(str(meta.verbose_name_plural))
        for field in meta.local_fields:
            _translate_name(field)


def _translate_name(field: Field) -> None:
    if isinstance(field.verbose_name, str):
        field.verbose_name = gettext_lazy(field.verbose_name)
