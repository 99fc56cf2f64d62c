"""Counting where other processes see it: what may happen to a file harms nobody who counts."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from common.observability.sharing import VARIABLE

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[3]
BEGIN = """
import os
from common.observability import metrics, sharing
refused, busy = metrics.stock_refusals, metrics.http_requests_in_progress
def told(name, **labels):
    samples = (one for metric in sharing.merged() for one in metric.samples)
    return [one.value for one in samples if one.name == name and one.labels == labels]
"""


@pytest.fixture
def run(tmp_path):
    """Run a program in a process of its own; returns what it printed."""

    def run(program, **environment):
        done = subprocess.run(
            [sys.executable, "-c", BEGIN + program],
            cwd=PROJECT,
            env=os.environ | {VARIABLE: str(tmp_path)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr
        return done.stdout.splitlines()

    return run


ONE = "sharing.share_as('web'); refused.labels('a').inc(); busy.inc();"
TELL = "print(told('stock_refusals_total', code='a'), told('http_requests_in_progress'))"
KILL = "os.kill(os.getpid(), 9)"


@pytest.fixture
def somebody_lives(tmp_path):
    """So that the folder is not begun anew."""
    with (tmp_path / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@pytest.mark.usefixtures("somebody_lives")
def test_the_next_one_goes_on_where_a_killed_one_stopped(run, tmp_path):
    run(ONE + KILL)
    run(ONE + KILL)
    assert run(ONE + TELL) == ["[3.0] [1.0]"]
    assert {file.name for file in tmp_path.glob("web-*")} == {"web-0.lock"}


@pytest.mark.usefixtures("somebody_lives")
def test_whoever_only_asks_sees_what_the_dead_counted_and_not_what_they_did(run):
    run(ONE + KILL)
    assert run("sharing.begin();" + TELL) == ["[1.0] []"]


@pytest.mark.usefixtures("somebody_lives")
def test_when_something_was_done_last_is_told_after_the_death_of_who_did_it(run):
    done = "sharing.share_as('relay'); metrics.duty_last_run.labels('lane').set({});"
    told = "print(told('duty_last_run_timestamp_seconds', duty='lane'))"
    run(done.format(1000) + KILL)
    assert run("sharing.begin();" + told) == ["[1000.0]"]
    assert run("metrics.duty_last_run.labels('lane').set(2000);" + done.format(3000) + told) == [
        "[3000.0]"
    ]
    before = "metrics.duty_last_run.labels('lane').set(4000); sharing.share_as('relay');"
    assert run(before + told) == ["[4000.0]"]


def test_once_nobody_lives_all_begins_anew(run, tmp_path):
    run(ONE)
    (tmp_path / "counter_123.db").write_bytes(b"of another program")
    assert run(ONE + TELL) == ["[1.0] [1.0]"]
    assert not (tmp_path / "counter_123.db").exists()


def test_children_count_from_nothing_under_names_of_their_own(run, tmp_path):
    program = """
sharing.begin()
refused.labels('a').inc()
for _ in range(2):
    if not os.fork():
        sharing.share_as('worker')
        refused.labels('a').inc(10)
        os._exit(0)
    os.wait()
sharing.share_as('main')
if not os.fork():
    refused.labels('a').inc(100)  # of a child that takes no seat, nobody learns
    os._exit(0)
os.wait()
refused.labels('a').inc()
print(told('stock_refusals_total', code='a'))
"""
    assert run(program) == ["[22.0]"]
    assert {file.stem for file in tmp_path.glob("*-*.lock")} == {"worker-0", "main-0"}


def test_several_are_merged_as_prometheus_clients_own_collector_merges_them(run):
    """Its order is another; its figures are these."""
    program = """
from prometheus_client.multiprocess import MultiProcessCollector
sharing.begin()
for child in range(3):
    if not os.fork():
        sharing.share_as('web')
        for number in range(40):
            duration = metrics.http_request_duration.labels(f'/{number}', 'GET', '200')
            duration.observe(number / (child + 1))
            refused.labels(f'{number % 7}').inc(child)
        busy.inc(2)
        metrics.web_threads.set(8)
        os._exit(0)
    os.wait()
sharing.share_as('web')
refused.labels('a').inc()
def all_of(families):
    return sorted(
        (one.name, one.type, one.documentation, it.name, sorted(it.labels.items()), it.value)
        for one in families for it in one.samples
    )
files = [str(file) for file in sharing._State.folder.glob('*.db') if sharing._counts(file)]
ours, theirs = all_of(sharing.merged()), all_of(MultiProcessCollector.merge(files))
print(ours == theirs, len(ours) > 500)
"""
    assert run(program) == ["True True"]


def test_what_was_counted_before_a_seat_was_taken_is_told_too(run):
    assert run("refused.labels('a').inc();" + ONE + TELL) == ["[2.0] [1.0]"]


def test_a_full_disk_ends_neither_the_counting_nor_the_process(run):
    """A file cannot grow any more, as on a full disk: what has a place goes on being told."""
    program = """
import resource
sharing.share_as('web')
refused.labels('a').inc()
resource.setrlimit(resource.RLIMIT_FSIZE, (2**17, 2**17))
for number in range(2_000):
    refused.labels(f'other {number}').inc()
refused.labels('a').inc()
print(told('stock_refusals_total', code='a'), refused.labels('other 1999')._value.get())
print(len(told('stock_refusals_total', code='other 1999')))
"""
    assert [line for line in run(program) if "not_shared" not in line] == ["[2.0] 1.0", "0"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 100, b"\x00" * 65_536, b"\x40\x0d\x03\x00" * 9],
    ids=["empty", "negative", "zeros", "longer than it is"],
)
@pytest.mark.usefixtures("somebody_lives")
def test_a_file_that_cannot_be_read_is_passed_over_and_made_anew(run, tmp_path, content):
    broken = [tmp_path / f"counter_{name}.db" for name in ("web-0", "web-7")]
    for file in broken:
        file.write_bytes(content)
    assert run(ONE + TELL) == ["[1.0] [1.0]"]


def test_where_nothing_can_be_written_each_counts_for_itself(run, tmp_path):
    (tmp_path / "file").touch()
    program = ONE + "print(sharing.is_shared(), refused.labels('a')._value.get())"
    lines = run(program, **{VARIABLE: str(tmp_path / "file" / "folder")})
    assert lines[-1] == "False 1.0"


def test_the_last_to_go_takes_its_own_folder_away_and_nobody_elses(run, tmp_path):
    program = "sharing.IN_MEMORY = sharing.Path('{}'); sharing.begin('x'); {} sharing.end()"
    folder = tmp_path / f"stockroom-metrics-{os.geteuid()}-x"
    run(program.format(tmp_path, "sharing.share_as('web');"), **{VARIABLE: ""})
    assert not folder.exists()
    run("sharing.begin(); sharing.end()")
    assert (tmp_path / "run.lock").exists()


def test_while_a_child_lives_its_folder_stays(run, tmp_path):
    program = """
sharing.IN_MEMORY = sharing.Path('{}')
sharing.begin('x')
read, write = os.pipe()
if not os.fork():
    os.close(write)
    os.read(read, 1)
    os._exit(0)
sharing.end()
print(sharing._State.folder.exists())
"""
    assert run(program.format(tmp_path), **{VARIABLE: ""}) == ["True"]


def test_a_folder_that_somebody_else_has_laid_there_is_not_used(run, tmp_path):
    program = (
        "sharing.IN_MEMORY = sharing.Path('{}'); sharing.begin('x'); print(sharing.is_shared())"
    )
    (tmp_path / f"stockroom-metrics-{os.geteuid()}-x").symlink_to("/tmp")  # noqa: S108
    assert run(program.format(tmp_path), **{VARIABLE: ""})[-1] == "False"
    (tmp_path / f"stockroom-metrics-{os.geteuid()}-x").unlink()
    assert run(program.format(tmp_path), **{VARIABLE: ""}) == ["True"]
