"""Messages of a type that is made up: ``thing.done``, about whatever their data name."""

from __future__ import annotations

import json

import pytest

from common.events.models import Event
from common.events.recording import Fact, record
from common.ids import new_id
from common.inbox.kinds import Kind, kinds

DATA = {"to": "ORDER-1"}


@pytest.fixture
def applied(monkeypatch, tmp_path):
    """What is to happen when a message of the type ``thing.done`` is applied; first: an event."""
    schema = tmp_path / "thing.done.json"
    schema.write_text(json.dumps({"type": "object", "required": ["to"]}))
    also = []

    def apply(message):
        record([Fact("test.done", "things", new_id(), {"id": message.id})])
        for act in also:
            act(message)

    monkeypatch.setitem(kinds, "thing.done", Kind(schema, lambda data: data["to"], apply))
    return also


def times_done():
    return Event.objects.filter(type="test.done").count()
