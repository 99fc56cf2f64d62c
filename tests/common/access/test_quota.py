"""So many requests in the minute that the first one begins, counted exactly."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from secrets import token_hex
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
from redis.exceptions import ResponseError

from common import redis
from common.access import quota
from common.access.quota import Verdict
from tests.common.access.known import spend, spend_here


@pytest.fixture(autouse=True)
def patience(monkeypatch) -> None:
    """On a busy machine Redis may take a while; taken for an outage, each process would count."""
    monkeypatch.setattr(redis, "LONGEST_SECONDS", 5.0)


def counter(client) -> str:
    return redis.key("quota", client.id)


def test_the_first_request_begins_a_minute(make_client, own_redis):
    client = make_client(quota=3)
    assert spend(client) == Verdict(limit=3, remaining=2, reset_seconds=60, allowed=True)
    assert 59_000 < own_redis.client.pttl(counter(client)) <= 60_000


def test_the_minute_is_the_clients_own_and_later_requests_do_not_move_it(make_client, own_redis):
    client = make_client(quota=3)
    spend(client)
    own_redis.client.pexpire(counter(client), 12_345)
    assert spend(client).reset_seconds == 13
    assert own_redis.client.pttl(counter(client)) <= 12_345


def test_past_the_quota_requests_are_refused_until_the_minute_ends(make_client, own_redis):
    client = make_client(quota=2)
    verdicts = [spend(client) for _ in range(3)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, False]
    assert [verdict.remaining for verdict in verdicts] == [1, 0, 0]
    own_redis.client.delete(counter(client))  # as its expiry does
    assert spend(client).allowed


@pytest.mark.usefixtures("own_redis")
def test_several_can_be_counted_at_once(make_client):
    client = make_client(quota=9)
    spend(client)
    assert quota.spend(client, 5) == Verdict(limit=9, remaining=3, reset_seconds=60, allowed=True)
    assert not quota.spend(client, 4).allowed


def test_several_can_be_counted_at_once_in_this_process_alone(make_client):
    client = make_client(quota=9)
    spend_here(client)
    assert quota.spend_here(client, 5).remaining == 3


def test_clients_do_not_share_a_quota(make_client, own_redis):
    first, second = make_client(quota=1), make_client(quota=1)
    assert spend(first).allowed
    assert spend(second).allowed


@pytest.mark.concurrency
def test_of_500_requests_at_once_exactly_100_pass(make_client, own_redis):
    client = make_client(quota=100)
    with ThreadPoolExecutor(16) as threads:
        verdicts = list(threads.map(lambda _: spend(client), range(500)))
    assert sum(verdict.allowed for verdict in verdicts) == 100
    assert sorted(verdict.remaining for verdict in verdicts) == [0] * 400 + list(range(100))


@pytest.mark.concurrency
def test_counting_in_two_steps_would_let_more_pass(make_client, own_redis):
    """Negative control: read, decide and write apart, and the test above would fail."""
    client = make_client(quota=100)

    def spend_in_two_steps(_: int) -> bool:
        (used,) = redis.pipelined([("GET", counter(client))])
        redis.pipelined([("SET", counter(client), int(used or 0) + 1)])
        return int(used or 0) < 100

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(spend_in_two_steps, range(500))) > 100


@pytest.mark.slow
def test_of_500_requests_at_once_over_http_exactly_100_pass(running_server):
    """Through all processes of a server that has more to do than it can."""
    key = running_server.manage(
        "create_api_key", f"q-{token_hex(4)}", "--scope", "products:read", "--quota", "100"
    ).strip()

    def ask(_: int) -> int:
        connection = HTTPConnection(urlsplit(running_server.base_url).netloc, timeout=60)
        with closing(connection):
            connection.request("GET", "/api/v1/products", headers={"X-API-Key": key})
            return connection.getresponse().status

    with ThreadPoolExecutor(100) as threads:
        statuses = list(threads.map(ask, range(500)))
    assert Counter(statuses) == {200: 100, 429: 400}


def test_an_unlimited_client_costs_no_command_and_gets_no_headers(make_client, no_redis):
    client = make_client(quota=0)
    assert quota.commands(client) == []
    assert quota.read(client, []) is None
    assert quota.spend(client) is None
    assert quota.spend_here(client) is None
    assert quota.headers(None) == {}


def test_other_commands_travel_in_the_same_round_trip(make_client, own_redis, monkeypatch):
    client = make_client(quota=3)
    converse = Mock(wraps=redis._line._converse)
    monkeypatch.setattr(redis._line, "_converse", converse)
    product, *spent = redis.pipelined([("GET", "product"), *quota.commands(client)])
    assert product is None
    assert quota.read(client, spent) == Verdict(3, remaining=2, reset_seconds=60, allowed=True)
    asked = [one for one in converse.call_args_list if one.args != ([("PING",)],)]
    assert len(asked) == 1  # the line may have looked after itself besides


def test_without_redis_each_process_counts_for_itself(make_client, no_redis, clock):
    client = make_client(quota=2)
    assert [spend(client).allowed for _ in range(3)] == [True, True, False]
    clock.pass_time(59.5)
    assert spend(client) == Verdict(limit=2, remaining=0, reset_seconds=1, allowed=False)
    clock.pass_time(0.5)
    assert spend(client) == Verdict(limit=2, remaining=1, reset_seconds=60, allowed=True)


@pytest.mark.concurrency
def test_counting_alone_is_exact_too(make_client, monkeypatch):
    class HesitantCounts(dict):
        """Lets another thread run between reading a count and writing it."""

        def get(self, *args):
            found = super().get(*args)
            time.sleep(0)
            return found

    client = make_client(quota=100)
    monkeypatch.setattr(quota._windows, "_counts", HesitantCounts())
    with ThreadPoolExecutor(8) as threads:
        verdicts = list(threads.map(lambda _: spend_here(client), range(500)))
    assert sum(verdict.allowed for verdict in verdicts) == 100


def test_counts_that_have_ended_do_not_pile_up(make_client, clock, monkeypatch):
    monkeypatch.setattr(quota, "TRACKED_CLIENTS", 10)
    monkeypatch.setattr(quota, "_windows", quota._Windows())
    for _ in range(25):
        spend_here(make_client(quota=1))
        clock.pass_time(quota.WINDOW_SECONDS)
    assert len(quota._windows._counts) <= 10


@pytest.mark.parametrize("garbage", [b"many", b"", b"1.5", b"9" * 30])
def test_garbage_in_the_counter_counts_as_no_redis(make_client, own_redis, garbage):
    client = make_client(quota=2)
    own_redis.client.set(counter(client), garbage)
    assert [spend(client).allowed for _ in range(3)] == [True, True, False]


def test_something_else_in_place_of_the_counter_counts_as_no_redis(make_client, own_redis):
    client = make_client(quota=1)
    own_redis.client.rpush(counter(client), 1)
    assert [spend(client).allowed for _ in range(2)] == [True, False]


@pytest.mark.parametrize("answers", [[None], [ResponseError()], [[1]], [[1, b"x"]], [[1, 2], 3]])
def test_an_answer_that_is_no_count_counts_as_no_redis(make_client, answers):
    verdict = quota.read(make_client(quota=5), answers)
    assert verdict == Verdict(limit=5, remaining=4, reset_seconds=60, allowed=True)


def test_a_full_redis_counts_as_none(make_client, own_redis):
    own_redis.client.config_set("maxmemory", 1)
    assert spend(make_client(quota=5)).remaining == 4


def test_a_counter_that_would_never_end_gets_an_end(make_client, own_redis):
    client = make_client(quota=5)
    own_redis.client.set(counter(client), 3)
    assert spend(client) == Verdict(limit=5, remaining=1, reset_seconds=60, allowed=True)
    assert own_redis.client.pttl(counter(client)) > 0


def test_the_headers_are_structured_fields():
    verdict = Verdict(limit=6000, remaining=5999, reset_seconds=60, allowed=True)
    assert quota.headers(verdict) == {
        "RateLimit-Policy": '"default";q=6000;w=60',
        "RateLimit": '"default";r=5999;t=60',
    }
