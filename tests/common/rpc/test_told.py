"""What is told of a call: its id, its line in the log, figures, a span, and why it failed."""

from __future__ import annotations

import grpc
import pytest
from django.db import OperationalError

from products.rpc import reading
from tests.calling import Rpc
from tests.common.observability.tracing import CALLER, TRACE, TRACEPARENT, in_trace, parent_id, told
from tests.factories import ProductFactory, StockLevelFactory
from tests.metrics import moving

pytestmark = pytest.mark.django_db

ASKED = ("products.v1", "ListProducts")


def test_the_request_id_goes_everywhere(rpc, log_lines):
    rpc(*ASKED, {"x-request-id": "from-the-shop"})
    assert rpc.trailing["x-request-id"] == "from-the-shop"
    (line,) = [line for line in log_lines() if line["event"] == "call"]
    assert (line["request_id"], line["client"]) == ("from-the-shop", "caller")
    assert (line["method"], line["code"]) == ("products.v1.ProductsService/ListProducts", "OK")
    refused = rpc.refused(*ASKED, {"x-request-id": "from-the-shop"}, page=-1)
    assert refused.trailing["x-request-id"] == "from-the-shop"
    assert refused.details["RequestInfo"][0].request_id == "from-the-shop"


def test_without_an_id_the_call_gets_one(rpc):
    rpc(*ASKED)
    first = rpc.trailing["x-request-id"]
    rpc(*ASKED, {"x-request-id": "x" * 129})
    assert len(first) == len(rpc.trailing["x-request-id"]) == 36


def test_the_line_tells_of_failures_and_of_the_cache(rpc, log_lines):
    product = ProductFactory()
    for _ in range(2):
        rpc("products", "GetProduct", product_id=str(product.pk))
    rpc.refused("products", "GetProduct", product_id="none")
    first, second, third = [line for line in log_lines() if line["event"] == "call"]
    assert (first["cache"], second["cache"]) == ("miss", "hit")
    assert (third["code"], third["reason"], third["level"]) == (
        "INVALID_ARGUMENT", "invalid", "info",
    )  # fmt: skip
    assert not any(rpc.key in str(line) for line in (first, second, third))


def test_calls_are_counted_by_method_and_status(rpc):
    with moving() as moved:
        rpc(*ASKED)
        rpc.refused(*ASKED, page=-1)
        with pytest.raises(grpc.RpcError):
            rpc.channel.unary_unary("/made.Up/Method")(b"")
    name, counted = "products.v1.ProductsService/ListProducts", "rpc_request_duration_seconds_count"
    assert moved(counted, method=name, code="OK") == 1
    assert moved(counted, method=name, code="INVALID_ARGUMENT") == 1
    assert moved(counted) == 2
    assert moved("rpc_requests_in_progress") == 0


def test_a_call_goes_on_with_its_callers_trace(rpc, kept):
    rpc(*ASKED, {"traceparent": TRACEPARENT, "x-request-id": "R-1"})
    span = kept.one("products.v1.ProductsService/ListProducts")
    assert (in_trace(span), parent_id(span)) == (TRACE, CALLER)
    about = told(span)
    assert (about["rpc.system"], about["rpc.method"]) == ("grpc", "ListProducts")
    assert (about["rpc.grpc.status_code"], about["stockroom.request_id"]) == (0, "R-1")


def test_a_bug_is_logged_and_tells_nothing(rpc, monkeypatch, log_lines):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("the secret of the house")

    monkeypatch.setattr(reading, "page", broken)
    refused = rpc.refused(*ASKED)
    assert (refused.code, refused.reasons) == ("INTERNAL", [])
    assert "secret" not in refused.message
    lines = log_lines()
    assert "the secret of the house" in str(lines)
    assert [line["code"] for line in lines if line["event"] == "call"] == ["INTERNAL"]


def test_without_a_database_a_call_is_unavailable(rpc, monkeypatch):
    def away(*_: object) -> None:
        raise OperationalError("connection refused by 10.0.0.7")

    monkeypatch.setattr(reading, "page", away)
    refused = rpc.refused(*ASKED)
    assert (refused.code, refused.reasons) == ("UNAVAILABLE", ["service_unavailable"])
    assert refused.details["RetryInfo"][0].retry_delay.seconds == 1
    assert "10.0.0.7" not in refused.message


def test_the_database_is_away_when_the_key_is_asked_for(rpc, monkeypatch):
    def away(_secret: str) -> None:
        raise OperationalError("away")

    monkeypatch.setattr("common.rpc.access.verify", away)
    assert Rpc(rpc.channel, "x" * 20).refused(*ASKED).code == "UNAVAILABLE"


def test_a_refusal_that_is_told_again_says_so_under_its_own_id(rpc, log_lines):
    StockLevelFactory(product__sku="MUG", on_hand=5)
    fields = {"order_reference": "ORDER-1", "lines": [{"sku": "MUG", "quantity": 6}]}
    first, again = (
        rpc.refused(
            *("inventory.v1", "Reserve", {"idempotency-key": "key-1", "x-request-id": name}),
            **fields,
        )
        for name in ("R-1", "R-2")
    )
    assert "idempotent-replayed" not in first.trailing
    assert again.trailing["idempotent-replayed"] == "true"
    assert [info.request_id for info in again.details["RequestInfo"]] == ["R-2"]
    assert again.reasons == first.reasons
    reasons = [line["reason"] for line in log_lines() if line["event"] == "call"]
    assert reasons == ["insufficient_stock"] * 2
