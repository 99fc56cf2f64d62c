"""Spans: whose they are, what they tell, and what they must not tell."""

from __future__ import annotations

import logging
from io import BytesIO
from uuid import uuid4
from wsgiref.util import setup_testing_defaults

import pytest
from django.conf import settings as project
from django.db import DataError, connection, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from opentelemetry.trace import SpanKind, StatusCode

from common.api.wsgi import Handler
from common.database import one_round_trip
from common.events.envelope import cloud_event
from common.events.models import Event
from common.events.publishing import message
from common.events.recording import Fact, record
from common.observability import tracing, tracing_requests, tracing_sql
from common.observability.context import acting_as
from common.observability.logs import get_logger
from common.webhooks.claiming import claim
from common.webhooks.sending import send
from tests.common.observability.tracing import (
    CALLER,
    TRACE,
    TRACEPARENT,
    UNSAMPLED,
    in_trace,
    own_id,
    parent_id,
    told,
)
from tests.common.webhooks.rows import an_endpoint, deliveries_to, make_due
from tests.common.webhooks.sinks import sink

ours = get_logger("tests.ours")
theirs = logging.getLogger("tests.theirs")


def ask(application, path, method="GET", query="", **headers):
    """Answer a request as the web server would; the bytes of the answer."""
    environ = {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": method}
    environ |= {"wsgi.input": BytesIO(), "HTTP_HOST": "localhost"}
    setup_testing_defaults(environ)
    answer = application(environ | headers, lambda *_: None)
    try:
        return b"".join(answer)
    finally:
        answer.close()


@pytest.fixture
def application(settings, kept):
    settings.TRACES = True
    return tracing_requests.traced(Handler())


@pytest.mark.django_db
def test_a_request_goes_on_with_its_callers_trace(application, kept):
    ask(application, "/api/v1/products", HTTP_TRACEPARENT=TRACEPARENT, HTTP_X_REQUEST_ID="R1")
    span = kept.one("GET")
    assert (in_trace(span), parent_id(span)) == (TRACE, CALLER)
    assert (span.name, span.kind) == ("GET /api/v1/products", SpanKind.SERVER)
    assert told(span) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/api/v1/products",
        "url.path": "/api/v1/products",
        "http.response.status_code": 401,
        "http.response.body.size": told(span)["http.response.body.size"],
        "stockroom.request_id": "R1",
    }
    assert span.status.status_code is StatusCode.UNSET, "a mistake of the client's is no error"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "nonsense",
        f"ff-{TRACE}-{CALLER}-01",
        f"00-{'0' * 32}-{CALLER}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{CALLER}-01",
        f"{TRACEPARENT},{TRACEPARENT}",
        f"00-{TRACE}-{CALLER}-01-more",
        "0" * 5_000,
    ],
)
@pytest.mark.django_db
def test_a_header_that_is_none_begins_a_trace(application, kept, given):
    ask(application, "/api/v1/products", HTTP_TRACEPARENT=given)
    span = kept.one("GET")
    assert span.parent is None
    assert in_trace(span) != TRACE


@pytest.mark.django_db
def test_what_the_caller_does_not_keep_is_not_kept_here(application, kept):
    ask(application, "/api/v1/products", HTTP_TRACEPARENT=UNSAMPLED)
    assert kept.all() == []
    with tracing.entered({"traceparent": UNSAMPLED}, "asked", "server", {}) as span:
        assert span.headers()["traceparent"].startswith(f"00-{TRACE}-")
        assert span.headers()["traceparent"].endswith("-00")
        assert tracing.ids()["trace_id"] == TRACE


@pytest.mark.parametrize("path", ["/health", "/ready/", "/metrics"])
def test_probes_leave_no_spans(settings, kept, path):
    settings.TRACES = True
    application = tracing_requests.traced(lambda *_: HttpResponse(b"ok"))
    assert ask(application, path) == b"ok"
    assert kept.all() == []
    assert ask(application, "/docs") == b"ok"
    assert len(kept.all()) == 1


def test_a_made_up_method_does_not_make_a_name(settings, kept):
    settings.TRACES = True
    ask(tracing_requests.traced(lambda *_: HttpResponse()), "/docs", method="BREW")
    assert kept.one("_OTHER")


@pytest.mark.django_db
def test_an_answer_that_is_made_while_it_is_sent_is_covered_to_its_end(settings, kept):
    settings.TRACES = True

    def rows():
        with tracing.within("late", "internal", {}):
            yield b"row"

    application = tracing_requests.traced(lambda *_: StreamingHttpResponse(rows()))
    assert ask(application, "/export") == b"row"
    assert parent_id(kept.one("late")) == own_id(kept.one("GET"))
    assert tracing.ids() == {}


def test_a_request_that_breaks_fails_by_the_name_of_its_error(settings, kept):
    settings.TRACES = True

    def broken(*_):
        raise RuntimeError("the secret is 1234")

    with pytest.raises(RuntimeError):
        ask(tracing_requests.traced(broken), "/docs")
    span = kept.one("GET")
    assert (span.status.status_code, told(span)["error.type"]) == (
        StatusCode.ERROR,
        "RuntimeError",
    )
    assert "1234" not in span.to_json()


def test_off_the_application_is_left_as_it_is(settings):
    settings.TRACES = False
    application = Handler()
    assert tracing_requests.traced(application) is application


@pytest.mark.django_db
def test_off_an_event_has_no_place_in_a_trace():
    tell()
    assert Event.objects.get().trace_context is None
    assert tracing.here() is None
    assert tracing.ids() == {}


def tell():
    with transaction.atomic():
        record([Fact("thing.happened", "thing", uuid4())])


@pytest.mark.django_db
def test_an_event_keeps_its_place_in_the_trace(kept):
    headers = {"traceparent": TRACEPARENT, "tracestate": "shop=7"}
    with tracing.entered(headers, "request", "server", {}):
        tell()
    event, recorded = Event.objects.get(), kept.one("record events")
    assert event.trace_context == {
        "traceparent": f"00-{TRACE}-{own_id(recorded)}-01",
        "tracestate": "shop=7",
    }
    assert told(recorded) == {"stockroom.event_types": ("thing.happened",)}
    event.sequence = 1
    assert TRACE not in str(cloud_event(event)), "readers see what they saw before"


@pytest.mark.django_db
def test_a_tracestate_that_is_too_long_is_left_out(kept):
    long = {"traceparent": TRACEPARENT, "tracestate": f"shop={'7' * 600}"}
    with tracing.entered(long, "request", "server", {}):
        assert list(tracing.here() or {}) == ["traceparent"]


@pytest.mark.django_db
def test_a_delivery_is_part_of_the_trace_and_the_receiver_can_go_on(kept):
    with sink(lambda _: 500) as receiver:
        endpoint = an_endpoint(receiver.url)
        with tracing.entered({"traceparent": TRACEPARENT}, "request", "server", {}):
            deliveries_to(endpoint)
        make_due()
        (delivery,) = claim(most=1, each=1)
        send(delivery)
    span, recorded = kept.one("deliver "), kept.one("record events")
    assert (in_trace(span), parent_id(span)) == (TRACE, own_id(recorded))
    (received,) = receiver.received
    assert received.headers["traceparent"] == f"00-{TRACE}-{own_id(span)}-01"
    assert received.is_signed_with(endpoint.secret)
    assert span.status.status_code is StatusCode.ERROR
    assert (told(span)["http.response.status_code"], told(span)["error.type"]) == (500, "500")
    assert "of=shop" not in span.to_json()


@pytest.mark.django_db
def test_a_delivery_of_an_untraced_event_has_neither_span_nor_header(kept, monkeypatch):
    with sink() as receiver:
        with monkeypatch.context() as patch:
            patch.setattr(tracing, "_spans", None)
            deliveries_to(an_endpoint(receiver.url))
        make_due()
        (delivery,) = claim(most=1, each=1)
        send(delivery)
    assert "traceparent" not in receiver.received[0].headers
    assert kept.named("deliver") == []


def test_a_message_to_the_broker_carries_the_headers_it_is_given():
    event = Event(type="stock.changed", subject_type="inventory", subject_id="1", sequence=1)
    event.occurred_at = timezone.now()
    assert message(event).headers == {}
    assert message(event, {"traceparent": TRACEPARENT}).headers == {"traceparent": TRACEPARENT}


@pytest.mark.django_db
def test_a_statement_is_told_without_what_it_is_about(kept):
    with (
        connection.execute_wrapper(tracing_sql.traced),
        tracing.entered({}, "request", "server", {}),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT id FROM events_event WHERE actor = %s", ["ada's secret"])
    span = kept.one("SELECT")
    assert (span.name, span.kind) == ("SELECT events_event", SpanKind.CLIENT)
    assert told(span) == {
        "db.system.name": "postgresql",
        "db.query.text": "SELECT id FROM events_event WHERE actor = %s",
    }
    assert parent_id(span) == own_id(kept.one("request"))


@pytest.mark.django_db
def test_a_refused_statement_tells_its_code_and_no_value(kept):
    with (
        connection.execute_wrapper(tracing_sql.traced),
        tracing.entered({}, "request", "server", {}),
        pytest.raises(DataError, match="a secret"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT %s::uuid", ["a secret"])
    (span,) = [one for one in kept.named("SELECT") if one.status.status_code is StatusCode.ERROR]
    assert told(span)["db.response.status_code"] == "22P02"
    assert told(span)["error.type"] == "DataError"
    assert "secret" not in "".join(one.to_json() for one in kept.all())


@pytest.mark.django_db
def test_statements_that_are_sent_together_wait_for_their_answers_together(kept):
    with (
        connection.execute_wrapper(tracing_sql.traced),
        tracing.entered({}, "request", "server", {}),
        one_round_trip(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_sleep(0.05)")
    whole, statement = kept.one("one round trip"), kept.one("SELECT")
    assert parent_id(statement) == own_id(whole)
    assert (whole.end_time or 0) - (whole.start_time or 0) >= 50_000_000


@pytest.mark.django_db(transaction=True)
def test_a_commit_has_its_span(kept):
    with tracing.entered({}, "request", "server", {}):
        tell()
    assert parent_id(kept.one("COMMIT")) == own_id(kept.one("request"))


@pytest.mark.django_db
def test_statements_of_nobodys_work_leave_no_span(kept):
    with connection.execute_wrapper(tracing_sql.traced), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert kept.all() == []


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        (
            'SELECT "products_product"."id" FROM "products_product" WHERE 1',
            "SELECT products_product",
        ),
        (
            "WITH moment AS (SELECT 1)\nUPDATE inventory_stocklevel AS l",
            "UPDATE inventory_stocklevel",
        ),
        ("INSERT INTO events_event (id) SELECT 1", "INSERT events_event"),
        ('DELETE FROM "events_event" WHERE id IN (%s)', "DELETE events_event"),
        ("WITH a AS (SELECT 1 FROM events_event) SELECT 1", "SELECT events_event"),
        ("SELECT clock_timestamp()", "SELECT"),
        ('SAVEPOINT "s1"', "SAVEPOINT"),
        ("  ", "SQL"),
    ],
)
def test_statements_are_named_by_what_they_do_to_which_table(sql, name):
    assert tracing_sql.name_of(sql) == name


@pytest.mark.parametrize("logger", [ours, theirs])
def test_lines_of_traced_work_say_where_in_which_trace(logger, kept, log_lines):
    with acting_as("shop", "R1"), tracing.entered({"traceparent": TRACEPARENT}, "r", "server", {}):
        logger.info("within")
    logger.info("after")
    within, after = log_lines()
    assert (within["request_id"], within["trace_id"]) == ("R1", TRACE)
    assert within["span_id"] == own_id(kept.one("r"))
    assert "trace_id" not in after


def test_the_process_says_who_it_is(kept):
    with tracing.entered({}, "work", "server", {}):
        pass
    about = kept.one("work").resource.attributes
    assert about["service.name"] == project.SERVICE_NAME
    assert (about["service.version"], about["stockroom.process"]) == ("1", "test")
