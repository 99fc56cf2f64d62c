from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, connections
from django.db.migrations.recorder import MigrationRecorder
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.observability import probes
from common.observability.probes import (
    HEALTHY,
    NOT_CONFIGURED,
    SILENT,
    UNHEALTHY,
    Finding,
    Inspection,
    Probe,
    ask_broker,
    ask_cache,
    ask_database,
    ask_migrations,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.common.observability.peers import SilentPeer
    from tests.common.own_redis import OwnRedis

FINE = Finding(HEALTHY, "Connected.")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PATIENCE", 0.05)


def asked(ask: Callable[[], Finding]) -> Finding:
    probe = Probe(ask)
    probe.begin()
    return probe.finding()


class Stuck:
    """Something to ask that answers only when it is let go, and counts how often it is asked."""

    def __init__(self) -> None:
        self.__name__ = "stuck"
        self.count = 0
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()

    def __call__(self) -> Finding:
        self.count += 1
        self.is_asked.set()
        self.may_answer.wait(5)
        return FINE


class Counted:
    def __init__(self, *findings: Finding) -> None:
        self.__name__ = "counted"
        self.findings = list(findings)
        self.count = 0

    def __call__(self) -> Finding:
        self.count += 1
        return self.findings.pop(0) if len(self.findings) > 1 else self.findings[0]


class TestWhatIsAsked:
    @pytest.mark.django_db
    def test_a_database_that_executes_is_healthy(self):
        assert asked(ask_database) == FINE

    @pytest.mark.django_db
    @pytest.mark.parametrize("ask", [ask_database, ask_migrations])
    def test_a_database_that_refuses_us_is_not(self, ask, monkeypatch):
        monkeypatch.setitem(connections.settings["default"], "USER", "stranger")
        finding = asked(ask)
        assert (finding.status, finding.message) == (UNHEALTHY, "OperationalError.")

    @pytest.mark.django_db
    def test_to_be_let_in_is_not_enough(self, monkeypatch):
        """A pooler lets us in when the database behind it is away."""

        def fail(*_: object) -> None:
            raise OperationalError

        monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", fail)
        assert asked(ask_database).status == UNHEALTHY

    @pytest.mark.django_db
    @pytest.mark.usefixtures("impatient")
    def test_a_database_that_does_not_answer_is_given_up(self, monkeypatch, silent_peer):
        monkeypatch.setitem(connections.settings["default"], "HOST", "127.0.0.1")
        monkeypatch.setitem(connections.settings["default"], "PORT", silent_peer.port)
        assert asked(ask_database) == SILENT

    @pytest.mark.django_db
    def test_probes_leave_no_connection_behind(self, monkeypatch):
        made = []
        make = connections.create_connection

        def remembered(alias: str):
            made.append(make(alias))
            return made[-1]

        monkeypatch.setattr(connections, "create_connection", remembered)
        assert asked(ask_database).status == HEALTHY
        assert asked(ask_migrations).status == HEALTHY
        assert [connection.connection for connection in made] == [None, None]

    @pytest.mark.django_db
    def test_all_migrations_applied_is_healthy(self):
        assert asked(ask_migrations) == Finding(HEALTHY, "All applied.")

    @pytest.mark.django_db
    def test_a_missing_migration_is_not(self, monkeypatch):
        everything = MigrationRecorder.applied_migrations

        def all_but_one(recorder: MigrationRecorder):
            applied = everything(recorder)
            del applied["sessions", "0001_initial"]
            return applied

        monkeypatch.setattr(MigrationRecorder, "applied_migrations", all_but_one)
        assert asked(ask_migrations) == Finding(UNHEALTHY, "Not applied: 1.")

    def test_a_cache_that_answers_is_healthy(self):
        assert asked(ask_cache) == FINE

    @pytest.mark.usefixtures("no_redis")
    def test_a_cache_that_is_away_is_not(self):
        assert asked(ask_cache).message == f"{RedisConnectionError.__name__}."

    def test_a_cache_that_lets_us_in_but_does_nothing_for_us_is_not(self, own_redis: OwnRedis):
        own_redis.client.execute_command("ACL", "SETUSER", "default", "-ping")
        assert asked(ask_cache).message == "NoPermissionError."

    @pytest.mark.usefixtures("impatient")
    def test_a_frozen_cache_is_given_up(self, own_redis: OwnRedis):
        own_redis.freeze()
        assert asked(ask_cache) == SILENT
        own_redis.thaw()

    def test_no_broker_is_no_failure(self, settings):
        settings.CELERY_BROKER_URL = ""
        assert asked(ask_broker).status == NOT_CONFIGURED

    def test_a_redis_as_broker_is_asked(self, settings, own_redis: OwnRedis):
        settings.CELERY_BROKER_URL = own_redis.url.replace("unix:", "redis+socket:")
        assert asked(ask_broker) == FINE
        own_redis.kill()
        assert asked(ask_broker).status == UNHEALTHY

    @pytest.mark.parametrize("scheme", ["amqp", "redis"])
    @pytest.mark.usefixtures("impatient")
    def test_a_broker_that_accepts_and_says_nothing_is_given_up(
        self, settings, silent_peer: SilentPeer, scheme
    ):
        settings.CELERY_BROKER_URL = f"{scheme}://127.0.0.1:{silent_peer.port}/"
        assert asked(ask_broker) == SILENT

    def test_a_broker_that_is_away_is_told_at_once(self, settings, silent_peer: SilentPeer):
        settings.CELERY_BROKER_URL = f"amqp://127.0.0.1:{silent_peer.port}/"
        silent_peer.close()
        assert asked(ask_broker).message == "ConnectionRefusedError."


class TestProbe:
    def test_an_error_is_a_finding_whose_words_are_for_the_log_only(self):
        def fail() -> Finding:
            raise OperationalError("no password for user stockroom at 10.0.0.7")

        finding = asked(fail)
        assert finding.shown == {"status": UNHEALTHY, "message": "OperationalError."}
        assert "10.0.0.7" in finding.reason

    @pytest.mark.parametrize("error", [TimeoutError, RedisTimeoutError])
    def test_a_library_that_loses_patience_first_says_the_same(self, error):
        def ask() -> Finding:
            raise error("timed out")

        assert asked(ask) == SILENT

    def test_patience_is_one_second(self):
        assert probes.PATIENCE == 1.0

    @pytest.mark.usefixtures("impatient")
    def test_what_is_stuck_keeps_one_thread_and_is_not_waited_for_again(self, monkeypatch):
        stuck = Stuck()
        probe = Probe(stuck)
        probe.begin()
        assert probe.finding() == SILENT
        monkeypatch.setattr(probes, "PATIENCE", 60)
        probe.begin()
        assert probe.finding() == SILENT  # whoever waited would see it answer after all
        assert stuck.count == 1
        stuck.may_answer.set()

    def test_the_answer_before_does_not_stand_for_one_that_is_missing(self, monkeypatch):
        stuck = Stuck()
        probe = Probe(stuck)
        stuck.may_answer.set()
        probe.begin()
        assert probe.finding() == FINE
        monkeypatch.setattr(probes, "PATIENCE", 0.05)
        stuck.may_answer.clear()
        probe.begin()
        assert probe.finding() == SILENT
        stuck.may_answer.set()

    @pytest.mark.usefixtures("impatient")
    def test_what_was_stuck_is_asked_again_once_it_lets_go(self, monkeypatch):
        stuck = Stuck()
        probe = Probe(stuck)
        probe.begin()
        assert probe.finding() == SILENT
        stuck.may_answer.set()
        assert probe._thread
        probe._thread.join()
        monkeypatch.setattr(probes, "PATIENCE", 60)
        probe.begin()
        assert probe.finding() == FINE
        assert stuck.count == 2

    def test_a_stuck_probe_does_not_keep_the_process_from_ending(self):
        stuck = Stuck()
        probe = Probe(stuck)
        probe.begin()
        assert probe._thread
        assert probe._thread.daemon
        stuck.may_answer.set()


class TestInspection:
    def test_all_are_asked_at_the_same_time(self):
        """Neither answers before both have been asked."""
        both = threading.Barrier(2, timeout=10)

        def meet() -> Finding:
            both.wait()
            return FINE

        assert Inspection(a=Probe(meet), b=Probe(meet)).findings() == {"a": FINE, "b": FINE}

    def test_within_a_second_nothing_is_asked_again(self, monkeypatch):
        counted = Counted(FINE)
        inspection = Inspection(a=Probe(counted))
        for _ in range(100):
            inspection.findings()
        assert counted.count == 1
        inspection._renewed_at -= probes.FRESH
        inspection.findings()
        assert counted.count == 2
        assert probes.FRESH == 1.0

    def test_a_flood_asks_once(self):
        counted = Counted(FINE)
        inspection = Inspection(a=Probe(counted))
        with ThreadPoolExecutor(16) as flood:
            found = list(flood.map(lambda _: inspection.findings(), range(64)))
        assert found == [{"a": FINE}] * 64
        assert counted.count == 1

    def test_only_one_caller_waits_while_findings_are_renewed(self):
        stuck = Stuck()
        inspection = Inspection(a=Probe(stuck))
        stuck.may_answer.set()
        inspection.findings()
        stuck.may_answer.clear()
        stuck.is_asked.clear()
        inspection._renewed_at -= probes.FRESH
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(inspection.findings)
            assert stuck.is_asked.wait(5)
            assert inspection.findings() == {"a": FINE}  # what was found before
            assert not waiting.done()
            stuck.may_answer.set()

    def test_findings_that_are_too_old_are_not_given_to_anybody(self):
        stuck = Stuck()
        inspection = Inspection(a=Probe(stuck))
        inspection._findings, inspection._renewed_at = {"a": SILENT}, monotonic() - 60
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(inspection.findings)
            assert stuck.is_asked.wait(5)
            second = pool.submit(inspection.findings)
            stuck.may_answer.set()
            assert first.result() == second.result() == {"a": FINE}

    def test_only_changes_are_logged(self, log_lines):
        gone = Finding(UNHEALTHY, "OperationalError.", reason="no route to host")
        inspection = Inspection(a=Probe(Counted(FINE, gone, gone, FINE)))
        for _ in range(5):
            inspection._renewed_at = -probes.USABLE
            inspection.findings()
        failed, recovered = log_lines()
        assert (failed["event"], failed["probe"]) == ("probe_failed", "a")
        assert failed["reason"] == "no route to host"
        assert (recovered["event"], recovered["probe"]) == ("probe_recovered", "a")
