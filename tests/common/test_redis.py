"""Redis as the cache and the quotas meet it: answering, refusing, away, and back again."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from redis.exceptions import DataError, ResponseError

from common import redis
from common.redis import RedisUnavailable
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.common.own_redis import OwnRedis

pytestmark = pytest.mark.slow


def remember(entry: str) -> bytes:
    """Cache something under the current epoch, which is returned."""
    epoch = redis.begin_epoch()
    redis.pipelined([("SET", entry, b"%s old" % epoch)])
    return epoch


def is_served(entry: str) -> bool:
    """Whether a reader who obeys the rule of the epoch would serve the entry."""
    ((epoch, value),) = redis.pipelined([("MGET", redis.epoch_key(), entry)])
    return epoch is not None and value is not None and value.startswith(epoch)


def wait_for_recovery() -> None:
    for thread in threading.enumerate():
        if thread.name == redis.RECOVERY_THREAD:
            thread.join(timeout=10)


def test_keys_begin_with_the_prefix_of_the_settings(settings):
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": "shop"}}
    assert redis.key("product", 7) == "shop:product:7"


def test_answers_come_in_the_order_of_the_commands(own_redis):
    assert redis.pipelined([("SET", "a", 1), ("INCR", "a"), ("GET", "a")])[1:] == [2, b"2"]


def test_a_refused_command_answers_with_its_error_and_is_no_outage(own_redis):
    answers = redis.pipelined([("SET", "a", "x"), ("INCR", "a"), ("GET", "a")])
    assert isinstance(answers[1], ResponseError)
    assert answers[2] == b"x"
    assert redis.pipelined([("GET", "a")]) == [b"x"]


def test_a_command_that_cannot_be_sent_is_a_bug_and_no_outage(own_redis):
    with pytest.raises(DataError):
        redis.pipelined([("SET", "a", None)])
    assert redis.pipelined([("GET", "a")]) == [None]


def test_a_killed_redis_is_reported_and_then_left_alone(own_redis, monkeypatch):
    redis.pipelined([("PING",)])
    own_redis.kill()
    with pytest.raises(RedisUnavailable):
        redis.pipelined([("PING",)])
    monkeypatch.setattr(redis, "_answer", lambda *_, **__: pytest.fail("asked again"))
    with pytest.raises(RedisUnavailable):
        redis.pipelined([("PING",)])


def test_it_is_used_again_when_it_is_back(own_redis):
    own_redis.kill()
    with pytest.raises(RedisUnavailable):
        redis.pipelined([("PING",)])
    own_redis.start()
    wait_for_recovery()
    assert redis.pipelined([("SET", "a", 1), ("GET", "a")])[1] == b"1"


def test_a_frozen_redis_makes_those_wait_who_are_asking_and_nobody_after_them(own_redis):
    together = Barrier(8)

    def ask(_: int) -> float:
        redis.pipelined([("PING",)])  # every thread has its connection before the freeze
        if together.wait(10) == 0:
            own_redis.freeze()
        together.wait(10)
        began = time.monotonic()
        with pytest.raises(RedisUnavailable):
            redis.pipelined([("PING",)])
        return time.monotonic() - began

    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(ask, range(8)))
        assert max(waits) < 4 * redis.LONGEST_SECONDS  # and not eight, one after the other
        began = time.monotonic()
        for _ in range(50):
            with pytest.raises(RedisUnavailable):
                redis.pipelined([("PING",)])
        assert time.monotonic() - began < 5 * redis.LONGEST_SECONDS  # and not fifty


def test_an_answer_that_came_too_late_is_not_taken_for_the_next_one(own_redis):
    redis.pipelined([("SET", "a", "late")])
    own_redis.freeze()
    with pytest.raises(RedisUnavailable):
        redis.pipelined([("GET", "a")])
    own_redis.thaw()
    wait_for_recovery()
    assert redis.pipelined([("ECHO", "mine")]) == [b"mine"]


def test_a_forgotten_entry_is_not_served(own_redis):
    remember("product")
    assert is_served("product")
    redis.forget("product")
    assert not is_served("product")


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_what_was_cached_before_an_outage_is_never_served_after_it(own_redis, fault):
    remember("changed")
    remember("another")
    if fault == "killed":
        own_redis.kill()
        redis.forget("changed")
        own_redis.start()
    else:
        own_redis.freeze()
        redis.forget("changed")
        own_redis.thaw()
    wait_for_recovery()
    assert own_redis.client.exists("another")  # still there, and yet:
    assert not is_served("changed")
    assert not is_served("another")
    remember("changed")
    assert is_served("changed")


def test_a_process_that_slept_through_the_outage_does_not_serve_what_was_before(
    own_redis, monkeypatch
):
    """Nobody told it; it notices by its broken connection."""
    remember("product")
    own_redis.kill()
    own_redis.start()
    with pytest.raises(RedisUnavailable):
        is_served("product")
    wait_for_recovery()
    assert not is_served("product")


def test_a_process_that_nobody_asks_for_anything_notices_an_outage(own_redis, monkeypatch):
    monkeypatch.setattr(redis, "LOOK_SECONDS", 0.02)
    redis.start_afresh()
    remember("product")
    own_redis.freeze()
    wait_until(lambda: redis._line.is_down)
    own_redis.thaw()
    wait_for_recovery()
    assert not is_served("product")


FORGETS_AND_ENDS = """
import sys
import django
from django.conf import settings

backend = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": sys.argv[1]}
settings.configure(CACHES={"default": {**backend, "KEY_PREFIX": sys.argv[2]}})
django.setup()

from common import redis

redis.forget("product")
print("done", flush=True)
"""


def test_a_process_that_could_not_forget_does_not_end_before_it_has(own_redis, monkeypatch):
    """Nobody else takes part: this process looks too seldom."""
    monkeypatch.setattr(redis, "LOOK_SECONDS", 1_000)
    redis.start_afresh()
    remember("product")
    own_redis.freeze()
    prefix = settings.CACHES["default"]["KEY_PREFIX"]
    command = [sys.executable, "-c", FORGETS_AND_ENDS, own_redis.url, prefix]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "done\n"
        own_redis.thaw()
    assert process.returncode == 0
    assert not is_served("product")


def test_one_outage_ends_one_epoch_however_many_threads_had_a_connection(own_redis):
    with ThreadPoolExecutor(1) as another:
        another.submit(redis.pipelined, [("PING",)]).result()
        redis.pipelined([("PING",)])
        own_redis.kill()
        own_redis.start()
        with pytest.raises(RedisUnavailable):
            redis.pipelined([("PING",)])
        wait_for_recovery()
        epoch = redis.begin_epoch()
        assert another.submit(redis.begin_epoch).result() == epoch
        assert not redis._line.is_down


def test_an_entry_computed_before_the_outage_does_not_join_the_new_epoch(own_redis):
    epoch = redis.begin_epoch()
    own_redis.kill()
    redis.forget("product")
    own_redis.start()
    wait_for_recovery()
    assert redis.begin_epoch() != epoch


def test_an_entry_that_redis_refuses_to_forget_is_not_served_either(own_redis):
    remember("product")
    own_redis.client.acl_setuser("default", enabled=True, commands=["-del"])
    redis.forget("product")
    with pytest.raises(RedisUnavailable):
        is_served("product")
    own_redis.client.acl_setuser("default", enabled=True, commands=["+del"])
    wait_for_recovery()
    assert not is_served("product")


def test_what_could_not_be_forgotten_during_the_recovery_makes_it_start_again(
    own_redis, monkeypatch
):
    """The epoch's end is sent, then another entry cannot be forgotten, then the answer comes."""
    line = redis._line
    line.is_down = True
    converse = line._converse

    def interrupted(commands):
        answers = converse(commands)
        redis.forget("product")
        return answers

    monkeypatch.setattr(line, "_converse", interrupted)
    assert not line._epoch_ended()
    assert line.is_down
    monkeypatch.undo()
    assert line._epoch_ended()
    assert not line.is_down


def test_a_full_redis_forgets_but_begins_no_epoch(own_redis):
    epoch = remember("product")
    own_redis.client.config_set("maxmemory", 1)
    redis.forget("product")
    assert redis.pipelined([("GET", "product")]) == [None]
    assert redis.begin_epoch() == epoch
    own_redis.client.delete(redis.epoch_key())
    with pytest.raises(RedisUnavailable):
        redis.begin_epoch()


def test_garbage_in_place_of_the_epoch_serves_nothing(own_redis):
    own_redis.client.rpush(redis.epoch_key(), "garbage")
    with pytest.raises(RedisUnavailable):
        redis.begin_epoch()
    assert not is_served("product")


def test_the_epoch_stays_the_same_for_everybody(own_redis):
    epoch = redis.begin_epoch()
    redis.start_afresh()
    assert redis.begin_epoch() == epoch


AFTER_A_FORK = """
import os, sys
from django.conf import settings
settings.configure(CACHES={"default": {
    "BACKEND": "django_redis.cache.RedisCache", "LOCATION": sys.argv[1], "KEY_PREFIX": "t"}})
from common import redis
redis.pipelined([("PING",)])
redis._line.is_down = True
child = os.fork()
if child == 0:
    for _ in range(100):
        assert redis.pipelined([("ECHO", "child")]) == [b"child"]
    os._exit(0)
redis._line.is_down = False
for _ in range(100):
    assert redis.pipelined([("ECHO", "parent")]) == [b"parent"]
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_shares_neither_connection_nor_outage_with_its_parent(own_redis: OwnRedis):
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", AFTER_A_FORK, own_redis.url], cwd=root, check=True)
