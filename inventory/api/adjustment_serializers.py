"""How many changes of stock in one request are sent, and how what became of them looks."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from rest_framework import serializers as drf

from common.access.scopes import Scope
from common.api import fields
from common.api.serializers import StrictSerializer
from common.errors import NotFound
from inventory.api.serializers import CLIENT_REASONS
from inventory.models import StockLevel
from inventory.operations import OnError

MOST_LINES: Final = 1_000
NOBODY: Final = UUID(int=0)


class ProductId(fields.Id):
    """The id of a product. What is no UUID is nobody's, which is the fault of its line alone."""

    def to_internal_value(self, data: Any) -> UUID:  # type: ignore[override]  # a richer value
        try:
            return super().to_internal_value(data)
        except NotFound:
            return NOBODY


def is_no_change(value: int) -> None:
    """Refuse a delta of zero, as a single change does."""
    if value == 0:
        raise drf.ValidationError("A delta of zero changes nothing.", "invalid")


def lines() -> fields.Objects:
    """Changes of stock, each as for one product; the product by id or by SKU."""
    return fields.Objects(
        {
            "product_id": ProductId(required=False),
            "sku": fields.Text(required=False, max_length=64),
            "location": fields.Text(required=False, max_length=64),
            "quantity_delta": fields.Integer(required=False, validators=[is_no_change]),
            "quantity": fields.Integer(required=False, min_value=0),
            "expected_quantity": fields.Integer(required=False, min_value=0),
            "expected_version": fields.Integer(required=False, min_value=0, max_value=10**18),
            "reason": fields.Choice(CLIENT_REASONS, required=False),
            "reference": fields.Text(required=False, allow_blank=True, max_length=255),
            "note": fields.Text(required=False, allow_blank=True, max_length=1000),
        },
        alternatives=(("product_id", "sku"), ("quantity_delta", "quantity")),
        max_length=MOST_LINES,
    )


class AdjustmentsInput(StrictSerializer):
    """Many changes of stock."""

    example = {
        "lines": [
            {"sku": "LAPTOP-13", "quantity_delta": -5, "reference": "ORDER-1042"},
            {"sku": "MUG-1", "location": "main", "quantity": 7, "expected_quantity": 10},
        ],
        "on_error": "reject_all",
    }

    lines = lines()
    on_error = fields.Choice(
        [each.value for each in OnError],
        default=OnError.REJECT_ALL.value,
        help_text="Whether a line that is refused keeps the others from being carried out.",
    )
    dry_run = fields.Boolean(
        default=False, help_text="Whether to tell only what would become of the lines."
    )


class MovementMadeSerializer(drf.Serializer):
    """A movement of a line; one that would be made has no id."""

    id = drf.UUIDField(read_only=True, allow_null=True)
    location = drf.CharField(read_only=True)
    delta = drf.IntegerField(read_only=True)
    reason = drf.CharField(read_only=True)


class AdjustedLineSerializer(drf.Serializer):
    """What became of a line: its stock before and after, or why it was refused."""

    product_id = drf.UUIDField(read_only=True, allow_null=True)
    sku = drf.CharField(read_only=True, allow_null=True)
    location = drf.CharField(
        read_only=True,
        allow_null=True,
        help_text="The one location that the figures are of; null: all that the product has.",
    )
    quantity_before = drf.IntegerField(read_only=True, allow_null=True)
    quantity_after = drf.IntegerField(read_only=True, allow_null=True)
    available = drf.IntegerField(read_only=True, allow_null=True, help_text="Afterwards.")
    version_before = drf.IntegerField(
        read_only=True, allow_null=True, help_text="What `expected_version` is compared with."
    )
    version_after = drf.IntegerField(read_only=True, allow_null=True)
    movements = MovementMadeSerializer(many=True, read_only=True)
    error = drf.DictField(
        read_only=True, allow_null=True, help_text="As in `errors`; null: not refused."
    )


class AdjustmentsSerializer(drf.Serializer):
    """What became of the lines, or what would."""

    dry_run = drf.BooleanField(read_only=True)
    applied = drf.IntegerField(read_only=True, help_text="Lines carried out, or that would be.")
    failed = drf.IntegerField(read_only=True, help_text="Lines refused.")
    lines = AdjustedLineSerializer(many=True, read_only=True)
    apply = drf.DictField(
        read_only=True,
        allow_null=True,
        help_text="After a dry run: the body that makes it come true.",
    )

    class Meta:
        model = StockLevel
        resource_name = "adjustments"
        read_scope = Scope.INVENTORY_READ
