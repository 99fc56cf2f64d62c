"""The bench tells the truth: every row has figures, and wrong answers end it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.bench import scenarios
from tests.bench.contenders import Contender, Effect
from tests.bench.load import UNIQUE, Ask, request, send
from tests.bench.machine import Watch
from tests.bench.rounds import Figures, Ratio, Scenario, Wrong, measured, ratio
from tests.bench.scenarios import Asking, check_effects
from tests.running import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

NOT_QUICK = {
    "grows ≤ 5 MB in 200 000 requests",
    "≤ 60 s a million movements",
    "≤ 1.15 times the cost at 1 k products",
}
ASKED = [Ask("read", request("GET", "/some", key="k"), 200)]


@contextmanager
def answering(*statuses: int) -> Iterator[tuple[int, list[str]]]:
    """A server that answers with these statuses in turn, and hangs up for 0; what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            status = statuses[len(asked) % len(statuses)]
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_given: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


def test_the_load_counts_what_was_answered():
    with answering(200) as (port, asked):
        answered = send(port, ASKED, clients=3, seconds=0.2)
    assert answered.right == {"read": len(asked)}
    assert answered.wrong == {}
    assert 0 < answered.rate <= len(asked) / 0.2
    assert len(answered.seconds["read"]) == len(asked)
    assert 0 < answered.percentile("read", 0.5) <= answered.percentile("read", 0.95)


def test_the_load_goes_on_until_it_has_sent_enough():
    with answering(200) as (port, asked):
        answered = send(port, ASKED * 40, clients=2, seconds=0, least=40)
    assert answered.all_right == len(asked) >= 40


def test_numbers_in_requests_are_unique():
    asks = [Ask("read", request("GET", f"/{UNIQUE.decode()}", key="k"), 200)]
    with answering(200) as (port, asked):
        send(port, asks, clients=3, seconds=0, least=30)
    assert Counter(asked).most_common(1)[0][1] == 1


@pytest.mark.parametrize("wrong", [500, 404, 0])
def test_wrong_answers_make_the_figures_void(wrong):
    with answering(200, 200, 200, wrong) as (port, _):
        asking = Asking(Contender("the peer", port, os.getpid()), ASKED, 2, {})
        with pytest.raises(Wrong, match=rf"the peer answered \{{'{wrong}': \d"):
            asking(0.2)


def test_right_answers_give_figures():
    with answering(200) as (port, _):
        figures = Asking(Contender("the peer", port, os.getpid()), ASKED, 2, {})(0.2)
    assert figures.rate > 0
    assert figures.server > 0
    assert figures.load > 0
    assert figures.p95["read"] > 0


def test_stock_must_change_by_what_was_answered():
    before, after = Effect(units=10, movements=3), Effect(units=8, movements=5, events=2)
    check_effects("ours", {"decrement": 2, "read": 7}, before, after)
    for right in (1, 3):  # oversold, lost
        with pytest.raises(Wrong, match="the stock changed by"):
            check_effects("ours", {"decrement": right}, before, after)
    for wrong in (
        replace(after, movements=4),
        replace(after, events=1),
        replace(after, records=2),
        replace(after, reserved=1),
    ):
        with pytest.raises(Wrong):
            check_effects("ours", {"decrement": 2}, before, wrong)


def test_each_answer_to_a_key_is_kept():
    asks = scenarios.with_keys(Contender("ours", 0, 0, "k", products=["one", "two"]), 2)
    assert {ask.kind for ask in asks} == {scenarios.WITH_KEY}
    assert all(f"\r\nIdempotency-Key: {UNIQUE.decode()}\r\n" in ask.request for ask in asks)
    after = Effect(units=-1, movements=1, events=1, records=1)
    check_effects("ours", {scenarios.WITH_KEY: 1}, Effect(), after)
    with pytest.raises(Wrong):
        check_effects("ours", {scenarios.WITH_KEY: 1}, Effect(), replace(after, records=0))


def test_every_second_round_goes_backwards():
    turns: list[str] = []

    def turn(name):
        def take(_seconds):
            turns.append(name)
            return Figures(1, 1, 1, 0, 0, 0, 0, 0)

        return take

    found = measured([Scenario("some", {name: turn(name) for name in "ABC"})], rounds=2, seconds=0)
    assert "".join(turns) == "ABCCBA"
    assert {who: len(rounds) for who, rounds in found["some"].items()} == {"A": 2, "B": 2, "C": 2}


def test_a_ratio_is_the_median_of_neighbours():
    assert ratio([2, 9, 8], [1, 3, 4]) == Ratio(2, 2, 3)


def test_a_watch_sees_its_processes_and_their_children():
    watch = Watch({"this": os.getpid()})
    subprocess.run([sys.executable, "-c", "sum(range(5_000_000))"], check=True)
    spent = watch.spent()
    assert 0 < spent.by["this"] <= spent.busy + 0.05
    assert spent.busy <= spent.possible


def test_every_row_has_figures(tmp_path):
    done = bench(tmp_path, "--rounds", "1", "--seconds", "0.3", "--lean-peer")
    assert done.returncode == 0, done.stdout + done.stderr
    report = (tmp_path / "report.md").read_text()
    assert report.strip() == done.stdout.strip()
    targets, figures = (rows_of(report, heading) for heading in ("Targets", "Figures"))
    for _, target, found, verdict in targets:
        assert (verdict == "not measured") == (target in NOT_QUICK)
        assert bool(re.search(r"\d", found)) == (verdict != "not measured")
    assert len(targets) >= 17
    asked = {name for name, *_ in figures}
    assert {scenarios.READ_MANY, scenarios.HOT_MANY, scenarios.FIFTY} <= asked
    assert {scenarios.HOT_WITH_KEY, scenarios.SPREAD_WITH_KEY} <= asked
    times = Counter(who for _, who, *_ in figures)
    assert times["ours"] == len(asked) == 11
    assert times["peer"] == 9  # all but reservations, and gRPC
    assert times["peer, lean"] == 5  # reads, and decrements without a key
    for _, who, rate, *others in figures:
        assert float(rate.replace(",", "")) > 0
        assert others[1] != "–" or who.startswith("pgbench")
        assert others[-2].endswith("%")


def test_a_peer_that_forgets_a_sale_is_found(tmp_path):
    plant = ("--peer", "tests.bench.planted:forgetful", "--only", "spread, c")
    done = bench(tmp_path, "--rounds", "1", "--seconds", "0.3", *plant)
    assert done.returncode == 1
    assert re.search(r"peer answered \{'decrement': \d+\}, and the stock changed", done.stderr)


def test_a_peer_that_tells_nobody_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("PEER_LEAN", "1")
    done = bench(tmp_path, "--rounds", "1", "--seconds", "0.3", "--only", "spread, c")
    assert done.returncode == 1
    assert re.search(r"peer answered \{'decrement': \d+\}, and the stock changed", done.stderr)
    assert "events=0" in done.stderr


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["-m", "tests.bench", "--quick", "--report", str(folder / "report.md"), *arguments]
    return subprocess.run(
        [sys.executable, *command], cwd=PROJECT, capture_output=True, text=True, check=False
    )


def rows_of(report: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its first two lines."""
    _, _, below = report.partition(f"## {heading}\n\n")
    table, _, _ = below.partition("\n\n")
    lines = table.splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
