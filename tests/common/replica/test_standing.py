"""Whether a replica is fit to be asked."""

from __future__ import annotations

import time
from math import inf

import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY

from common.observability import probes
from common.replica import standing as standings
from common.replica.standing import Standing
from tests.running import own_environment, run_python

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def test_a_statement_without_an_answer_is_given_up_and_its_connection_too(replica):
    began = time.monotonic()
    with pytest.raises(OperationalError), replica.answering_within(0.2):
        replica.cursor().execute("SELECT pg_sleep(30)")
    assert time.monotonic() - began < 5
    assert replica.connection.closed


def test_a_statement_that_is_answered_in_time_is_not(replica):
    with replica.answering_within(20), replica.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.01)")
    assert not replica.connection.closed


def test_what_is_no_replica_is_left_alone(replica, in_use):
    """As after a failover to the replica: it is the primary, or somebody else's."""
    in_use.look()
    assert not in_use.is_usable()
    assert probes.ask_replica().status == probes.UNHEALTHY


def test_one_that_does_not_answer_is_left_alone_until_it_does(replica, in_use, monkeypatch):
    monkeypatch.setattr(standings, "REPLICA_AT", "SELECT true, 10, 0")
    monkeypatch.setattr(standings, "PRIMARY_AT", "SELECT 10")
    with monkeypatch.context() as patch:
        patch.setitem(replica.settings_dict, "HOST", "/nowhere")
        replica.close()
        in_use.look()
        assert not in_use.is_usable()
    in_use.look()
    assert in_use.is_usable()


@pytest.mark.parametrize(
    ("position", "late"),
    [(300, 0.0), (299, 10.0), (200, 10.0), (150, 20.0), (100, 20.0), (50, 77.0)],
)
def test_how_late_it_is_follows_from_where_the_primary_was_when(monkeypatch, position, late):
    """The last figure is the replica's own: nothing is remembered of that time."""
    standing = Standing()
    standing._was_at.extend([(980.0, 100), (990.0, 200), (1000.0, 300)])
    monkeypatch.setattr(standings, "monotonic", lambda: 1000.0)
    assert standing._lag(True, position, 77.0) == late


def test_one_that_is_late_is_left_alone(replica, in_use, monkeypatch):
    monkeypatch.setattr(standings, "PRIMARY_AT", "SELECT 10")
    for figure, is_usable in ((31, False), (29, True)):
        monkeypatch.setattr(standings, "REPLICA_AT", f"SELECT true, 9, {figure}")
        in_use.look()
        assert in_use.is_usable() is is_usable
        assert in_use.lag_seconds == figure
        assert lag_told() == (figure if is_usable else inf)


def lag_told() -> float | None:
    return REGISTRY.get_sample_value("replica_lag_seconds", {"database": "replica"})


@pytest.mark.slow
def test_where_there_is_no_replica_nothing_is_told_of_one(tmp_path):
    """Prometheus would take 0 for one that is never late."""
    tell = "import django; django.setup(); from common.observability.exposition import Counted;"
    tell += "print([family.name for family in Counted().collect() if [*family.samples]])"
    environment = own_environment(tmp_path, {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"})
    told = run_python(["-c", tell], {**environment, "DJANGO_SETTINGS_MODULE": "config.settings"})
    assert "'web_threads'" in told
    assert "'replica_lag_seconds'" not in told
