"""What is understood of a message, and what is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from jsonschema import Draft202012Validator

from common.inbox import reading
from common.inbox.errors import InvalidData, NoEnvelope, NotJson, TooLarge, UnknownType
from common.inbox.kinds import Kind, kinds
from common.inbox.reading import read
from tests.common.inbox.messages import envelope, message

DATA_SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
DATA = {"to": "ORDER-1"}


@pytest.fixture(autouse=True)
def one_kind(monkeypatch, tmp_path):
    """Messages of the type ``thing.done`` are handled, by doing nothing."""
    schema = tmp_path / "thing.done.json"
    schema.write_text(json.dumps(DATA_SCHEMA))
    kind = Kind(schema, lambda data: data["to"], lambda _: None)
    monkeypatch.setitem(kinds, "thing.done", kind)


def test_a_message_is_what_its_envelope_says():
    found = read(
        message("thing.done", DATA, id="7", source="/shop", time="2026-01-01T13:00:00.5+01:00")
    )
    assert (found.id, found.source, found.type) == ("7", "/shop", "thing.done")
    assert found.time == datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    assert (found.subject, found.data) == ("ORDER-1", DATA)


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        pytest.param("request-1", "request-1", id="told"),
        pytest.param(None, "7", id="not told"),
        pytest.param("two words", "7", id="no id"),
        pytest.param("x" * 129, "7", id="too long"),
        pytest.param(5, "7", id="a number"),
    ],
)
def test_its_cause_is_the_request_elsewhere_or_the_event(told, cause):
    assert read(message("thing.done", DATA, id="7", requestid=told)).request_id == cause


def test_attributes_and_properties_that_nobody_knows_are_ignored():
    found = read(message("thing.done", {**DATA, "new": [1]}, subject="x", traceparent="00-1"))
    assert found.subject == "ORDER-1"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"placed!", id="text"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b'{"id": NaN}', id="NaN"),
        pytest.param(b'{"id": 1, "id": 2}', id="a member twice"),
        pytest.param(b'{"id": "\\ud800"}', id="half a surrogate"),
        pytest.param(b"[" * 100_000, id="100 000 deep"),
        pytest.param(b'{"id": ' + b"9" * 5_000 + b"}", id="5 000 digits"),
    ],
)
def test_what_is_not_json_is_refused(body):
    with pytest.raises(NotJson):
        read(body)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param([], id="a list"),
        pytest.param("thing.done", id="a text"),
        pytest.param(DATA, id="the data alone"),
        pytest.param([envelope("thing.done", DATA)], id="a batch"),
        *(
            pytest.param(envelope("thing.done", DATA, **{name: None}), id=f"without {name}")
            for name in ("specversion", "id", "source", "type", "time", "data")
        ),
        *(
            pytest.param(envelope("thing.done", DATA, **{name: value}), id=f"{name} {value!r:.20}")
            for name, value in [
                ("specversion", "0.3"),
                ("id", ""),
                ("id", 7),
                ("id", "x" * 129),
                ("id", "two words"),
                ("id", "7\n"),
                ("source", ""),
                ("source", "/" * 201),
                ("type", "x" * 65),
                ("time", "yesterday"),
                ("time", "2026-02-30T00:00:00Z"),
                ("time", "2026-02-03T00:00:00"),
                ("time", "0001-01-01T00:00:00+14:00"),
                ("time", "٢٠٢٦-02-03T00:00:00Z"),
                ("datacontenttype", "application/xml"),
                ("data", "{}"),
                ("data", [1]),
            ]
        ),
    ],
)
def test_what_is_in_no_envelope_is_refused(document):
    with pytest.raises(NoEnvelope):
        read(json.dumps(document).encode())


def test_a_time_that_is_far_ahead_of_our_clock_is_refused():
    ahead = timezone.now() + timedelta(minutes=55)
    assert read(message("thing.done", DATA, time=ahead.isoformat())).time == ahead
    with pytest.raises(NoEnvelope, match="future"):
        read(message("thing.done", DATA, time=(ahead + timedelta(minutes=10)).isoformat()))


def test_a_type_that_nobody_handles_is_refused():
    with pytest.raises(UnknownType, match="undone"):
        read(message("thing.undone", DATA))


def test_data_that_break_the_schema_are_refused_and_the_reason_says_where():
    with pytest.raises(InvalidData, match=r"^\$\.to: 5 is not of type 'string'$"):
        read(message("thing.done", {"to": 5}))


def test_up_to_a_mebibyte_is_read():
    frame = len(message("thing.done", {**DATA, "filling": ""}, id="7"))
    filling = "x" * (reading.LARGEST - frame)
    assert read(message("thing.done", {**DATA, "filling": filling}, id="7")).id == "7"
    with pytest.raises(TooLarge):
        read(message("thing.done", {**DATA, "filling": filling + "x"}, id="7"))


def test_the_schema_of_the_envelope_is_one():
    schema = json.loads(reading.ENVELOPE.read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == "urn:stockroom:commands:v1:envelope"
