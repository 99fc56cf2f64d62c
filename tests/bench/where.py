"""Where the time of one request goes: ``python -m tests.bench.where``.

The real WSGI application answers in one thread of one process, so that what is told is processor
time and nothing waits for anybody. First without a profiler, then with one, whose figures are
scaled to the time without it. What the web server, the change of threads and PostgreSQL cost is
not in it; ``make bench`` has them.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import thread_time, thread_time_ns
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WARM: Final = 400
TIMES: Final = {"cached GET": 3_000, "decrement": 500, "reservation of 5 lines": 200}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=40, help="of each listing (%(default)s)")
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.inside:
        _profile(wanted.inside[0], json.loads(wanted.inside[1]), wanted.lines)
        return
    from tests.bench.load import PROJECT

    os.environ.setdefault("DATA_DIR", str(PROJECT / ".data" / "bench"))
    os.environ.setdefault("DEVELOPMENT", "1")
    from config.own_servers import own_servers
    from tests.bench.contenders import our_contender
    from tests.running import run_python, running_stockroom

    with ExitStack() as at_end:
        at_end.enter_context(own_servers())
        folder = Path(at_end.enter_context(TemporaryDirectory()))
        server = at_end.enter_context(running_stockroom(folder, WEB_CONCURRENCY="1"))
        ours, _ = our_contender(server)
        inside = ["--inside", ours.key, json.dumps(ours.products)]
        command = ["-m", "tests.bench.where", f"--lines={wanted.lines}", *inside]
        print(run_python(command, server.environment))


def _profile(key: str, products: Sequence[str], lines: int) -> None:
    """In a process with the server's settings, whose log goes nowhere."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    from config.wsgi import application

    requests = _requests(key, products)
    for name, times in TIMES.items():
        environs = requests[name]

        def ask(number: int, environs: Any = environs) -> None:
            _ask(application, environs(number))

        for number in range(WARM):
            ask(number)
        print(_listing(name, ask, times, lines), file=out, flush=True)


def _requests(key: str, products: Sequence[str]) -> dict[str, Callable[[int], dict[str, Any]]]:
    from tests.bench.one_size import environ_of

    headers = {"HTTP_X_API_KEY": key}

    def one(number: int) -> str:
        return products[number % len(products)]

    def basket(number: int) -> dict[str, Any]:
        lines = [{"product_id": one(number * 5 + at), "quantity": 1} for at in range(5)]
        reference = f"WHERE-{number}-{thread_time_ns()}"
        return {"order_reference": reference, "lines": lines, "expires_in": 86_400}

    api = "/api/v1"
    sale = {"quantity_delta": -1}
    return {
        "cached GET": lambda n: environ_of(f"{api}/products/{one(n)}", headers),
        "decrement": lambda n: environ_of(f"{api}/inventory/{one(n)}", headers, "PATCH", sale),
        "reservation of 5 lines": lambda n: environ_of(
            f"{api}/reservations", headers, "POST", basket(n)
        ),
    }


def _ask(application: Any, environ: dict[str, Any]) -> None:
    statuses: list[str] = []
    answer = application(environ, lambda status, _headers, *_: statuses.append(status))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    if not statuses[0].startswith("20"):
        raise SystemExit(f"{statuses[0]}: {body[:500]!r}")


def _listing(name: str, ask: Callable[[int], None], times: int, lines: int) -> str:
    """Functions by the time in them and in what they call, in microseconds for each request."""
    plain = median(_timed(ask, number) for number in range(times))
    profiler = cProfile.Profile(timer=thread_time)
    profiler.enable()
    for number in range(times):
        ask(number)
    profiler.disable()
    found: dict[Any, Any] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    profiled = sum(one[2] for one in found.values())
    calls = sum(one[1] for one in found.values()) / times
    scale = plain / profiled  # microseconds for each request from seconds of all
    rows = sorted(found.items(), key=lambda item: -item[1][3])[:lines]
    said = [f"## {name}: {plain:,.0f} µs of one thread, {calls:,.0f} calls", ""]
    said += ["| µs, all | µs, own | calls | function |", "|--:|--:|--:|---|"]
    for (file, line, function), (_, count, own, whole, _) in rows:
        short = file.rpartition("site-packages/")[2].removeprefix(f"{Path.cwd()}/")
        place = f"`{function}` {short}:{line}" if line else f"`{function}`"
        said.append(
            f"| {whole * scale:,.0f} | {own * scale:,.0f} | {count / times:.1f} | {place} |"
        )
    return "\n".join([*said, ""])


def _timed(ask: Callable[[int], None], number: int) -> float:
    began = thread_time_ns()
    ask(number)
    return (thread_time_ns() - began) / 1_000


if __name__ == "__main__":
    main()
