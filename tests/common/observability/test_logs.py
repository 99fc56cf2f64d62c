from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime
from uuid import UUID

import pytest

from common.observability import logs
from common.observability.context import acting_as
from common.observability.logs import event, get_logger, timed

ours = get_logger("tests.ours")
theirs = logging.getLogger("tests.theirs")


def lines_of(program: str, stream: str = "stdout") -> list[dict[str, object]]:
    """What a process of its own logs; nothing else may be on any stream."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    other = {"stdout": done.stderr, "stderr": done.stdout}[stream]
    assert other == b""
    return [json.loads(line) for line in getattr(done, stream).splitlines()]


@pytest.mark.parametrize("logger", [ours, theirs])
def test_everybodys_lines_have_one_form(logger, log_lines):
    logger.warning("shelf_empty")
    (line,) = log_lines()
    assert list(line) == ["timestamp", "level", "service", "logger", "event"]
    assert (line["level"], line["service"], line["event"]) == (
        "warning",
        "stockroom",
        "shelf_empty",
    )
    assert line["logger"].startswith("tests.")


@pytest.mark.parametrize("logger", [ours, theirs])
def test_time_is_rfc_3339_in_utc(logger, log_lines):
    logger.info("now")
    (line,) = log_lines()
    assert line["timestamp"].endswith("Z")
    age = datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])
    assert 0 <= age.total_seconds() < 5


@pytest.mark.parametrize("logger", [ours, theirs])
def test_lines_of_a_request_carry_its_id(logger, log_lines):
    with acting_as("shop", "R1"):
        logger.info("within")
    logger.info("after")
    within, after = log_lines()
    assert within["request_id"] == "R1"
    assert "request_id" not in after


@pytest.mark.parametrize("logger", [ours, theirs])
def test_an_exception_is_a_field_of_one_line(logger, log_lines):
    try:
        int("no number")
    except ValueError:
        logger.exception("broken")
    (line,) = log_lines()
    assert (line["level"], line["event"]) == ("error", "broken")
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("int() with base 10: 'no number'")


def test_whatever_a_field_holds_it_stays_one_line(log_lines):
    product_id = UUID(int=7)
    ours.info("odd", text="a\nb\u2028\x00\ud800é", id=product_id, nested={(1, 2): 3, "n": {4}})
    (line,) = log_lines()
    assert line["text"] == "a\nb\u2028\x00\ud800é"
    assert line["id"] == str(product_id)
    assert line["nested"] == {"n": "{4}"}


def test_a_line_that_cannot_be_written_harms_nobody():
    full = os.open("/dev/full", os.O_WRONLY)
    logs._Lines(full, "").msg("lost")
    os.close(full)
    logs._Lines(full, "").msg("lost too")


def test_a_long_line_is_written_whole(log_lines):
    ours.info("long", text="x" * 300_000)
    (line,) = log_lines()
    assert len(line["text"]) == 300_000


def test_a_business_event_tells_the_figures_and_who_caused_it(log_lines):
    with acting_as("shop", "R1"):
        event("stock_adjusted", sku="MUG", delta=-5)
    (line,) = log_lines()
    assert line["event"] == "stock_adjusted"
    assert (line["request_id"], line["actor"]) == ("R1", "shop")
    assert (line["sku"], line["delta"]) == ("MUG", -5)


def test_a_block_times_itself(log_lines):
    with timed("recount", levels=3):
        pass
    (line,) = log_lines()
    assert (line["event"], line["name"], line["levels"]) == ("timed", "recount", 3)
    assert 0 <= line["duration_ms"] < 1000
    assert "error" not in line


def test_a_block_that_fails_is_timed_too(log_lines):
    with pytest.raises(KeyError), timed("recount"):
        raise KeyError
    (line,) = log_lines()
    assert (line["name"], line["error"]) == ("recount", "KeyError")


def test_a_function_times_every_call(log_lines):
    @timed("recount")
    def recount(fails: bool) -> int:
        return 1 // (not fails)

    with pytest.raises(ZeroDivisionError):
        recount(fails=True)
    assert recount(fails=False) == 1
    first, second = log_lines()
    assert first["error"] == "ZeroDivisionError"
    assert "error" not in second


SET_UP = """
import logging, logging.config, warnings
from common.observability.logs import get_logger, logging_config
"""


def test_the_level_holds_for_everybody():
    program = """
logging.config.dictConfig(logging_config("WARNING", "shop"))
for logger in (get_logger("ours"), logging.getLogger("theirs"), logging.getLogger("django.x")):
    logger.info("quiet")
    logger.warning("loud")
"""
    lines = lines_of(SET_UP + program)
    assert [line["event"] for line in lines] == ["loud"] * 3
    assert {line["service"] for line in lines} == {"shop"}


def test_debug_shows_more_but_no_statements_with_their_data():
    program = """
logging.config.dictConfig(logging_config("DEBUG", "shop"))
get_logger("ours").debug("mine")
logging.getLogger("theirs").debug("yours")
logging.getLogger("django.db.backends").debug("SELECT 'secret'")
"""
    assert [line["event"] for line in lines_of(SET_UP + program)] == ["mine", "yours"]


def test_commands_keep_standard_output_for_their_data():
    program = """
logging.config.dictConfig(logging_config("INFO", "shop", stream="stderr"))
get_logger("ours").info("one")
logging.getLogger("theirs").info("two")
"""
    lines = lines_of(SET_UP + program, stream="stderr")
    assert [line["event"] for line in lines] == ["one", "two"]


def test_servers_and_warnings_write_like_everybody_and_once():
    """gunicorn gives its logger a handler, and keeps its lines to it, before Django is set up."""
    program = """
from gunicorn.config import Config
from gunicorn.glogging import Logger
config = Config()
config.set("accesslog", "-")
gunicorn = Logger(config)
import django
from django.conf import settings
settings.configure(LOGGING=logging_config("INFO", "shop"), DEBUG=True)
django.setup()
gunicorn.info("Listening")
logging.getLogger("django.server").error("GET / 500")  # our own line about it is enough
for name in ("gunicorn.access", "django", "celery", "celery.worker"):
    logging.getLogger(name).info(name)
warnings.warn("old", DeprecationWarning)
"""
    events = [str(line["event"]) for line in lines_of(SET_UP + program)]
    assert events[:-1] == ["Listening", "gunicorn.access", "django", "celery", "celery.worker"]
    assert "DeprecationWarning: old" in events[-1]
