"""Whatever is sent to any method: it is answered, or refused, and never breaks anything."""

from __future__ import annotations

import random
from importlib import import_module

import grpc
import pytest

from tests.calling import PACKAGES
from tests.factories import StockLevelFactory

pytestmark = pytest.mark.django_db

METHODS = [
    (package, method)
    for package, names in {
        "products": ("GetProduct", "ProductExists", "ListProducts"),
        "inventory.v1": ("Availability", "Reserve", "Confirm", "Release", "Adjust"),
    }.items()
    for method in names
]
TEXTS = [
    *("", " ", "\x00", "\x1b[2J", "\u202e", "\U0001d7d9", "é" * 300, "x" * 70_000),
    *("MUG", "main", "sale", "1e9", "-1", "'; DROP TABLE products_product; --"),
    "00000000-0000-0000-0000-000000000000",
]
NUMBERS = [0, 1, -1, 10**9, 10**9 + 1, 2**31 - 1, -(2**31)]
BIG = [*NUMBERS, 2**63 - 1, -(2**63)]
OURS_TO_MEND = {"INTERNAL", "UNKNOWN", "UNAVAILABLE"}


@pytest.fixture
def level(db):
    return StockLevelFactory(product__sku="MUG", on_hand=5)


def code_of(rpc, package, method, sent, metadata=()):
    service = PACKAGES[package][1]
    pairs = (("x-api-key", rpc.key), *metadata)
    call = rpc.channel.unary_unary(f"/{package}.{service}/{method}")
    try:
        call(sent, metadata=pairs, timeout=20)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


@pytest.mark.parametrize(("package", "method"), METHODS)
def test_bytes_of_any_kind(rpc, level, package, method):
    dice = random.Random(f"{package}.{method}")  # noqa: S311 - the same ones each time
    for _ in range(40):
        sent = dice.randbytes(dice.choice([1, 2, 7, 40]))
        assert code_of(rpc, package, method, sent) not in OURS_TO_MEND, sent


@pytest.mark.parametrize(("package", "method"), METHODS)
def test_values_of_any_kind_in_every_field(rpc, level, package, method):
    dice = random.Random(f"{package}.{method}")  # noqa: S311
    messages = import_module(f"{PACKAGES[package][0]}_pb2")
    kind = getattr(messages, f"{method}Request")
    for number in range(40):
        sent = _filled(kind(), dice, str(level.product_id))
        key = [("idempotency-key", f"{method}-{number % 7}")] if number % 2 else []
        code = code_of(rpc, package, method, sent.SerializeToString(), key)
        assert code not in OURS_TO_MEND, sent


def _filled(message, dice, product_id):
    """The message with some of its fields set, to anything that their type can hold."""
    for field in message.DESCRIPTOR.fields:
        if dice.random() < 0.3:
            continue
        if field.message_type:
            for _ in range(dice.choice([0, 1, 3])):
                _filled(getattr(message, field.name).add(), dice, product_id)
            continue
        values = {
            field.TYPE_STRING: [*TEXTS, product_id],
            field.TYPE_INT32: NUMBERS,
            field.TYPE_INT64: BIG,
            field.TYPE_BOOL: [True, False],
        }[field.type]
        setattr(message, field.name, dice.choice(values))
    return message


@pytest.mark.parametrize(
    "pair",
    [
        ("idempotency-key", ""),
        ("idempotency-key", "k" * 256),
        ("idempotency-key", '"quoted"'),
        ("x-request-id", "x" * 4000),
        ("traceparent", "00-zz-zz-zz"),
        ("x-api-key-bin", b"\x00\xff"),
        ("grpc-timeout-of-mine", "1S"),
    ],
)
def test_metadata_of_any_kind(rpc, level, pair):
    sent = b"\x0a\x24" + str(level.product_id).encode() + b"\x10\x01"
    assert code_of(rpc, "inventory.v1", "Adjust", sent, [pair]) not in OURS_TO_MEND
