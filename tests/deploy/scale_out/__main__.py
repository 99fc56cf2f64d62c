"""Try every promise on a stand of its own, and say which are kept."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> int:
    """0 when every promise is kept, 1 when one is broken."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="stockroom-") as name:
        os.environ["DATA_DIR"] = name  # of this process; the stand has its own
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        return _tried(arguments)


def _tried(arguments: argparse.Namespace) -> int:
    from tests.deploy.scale_out.promises import PROMISES
    from tests.deploy.scale_out.stand import stand

    application = "config.wsgi"
    if arguments.plant:
        os.environ["PLANT"], application = arguments.plant, "tests.deploy.scale_out.planted"
    chosen = arguments.only or list(PROMISES)
    began, kept = time.monotonic(), 0
    with stand(arguments.pairs, application) as built:
        _say(f"A primary, a replica, PgBouncer, 2 web processes: {_seconds(began)}")
        for name in chosen:
            kept += _is_kept(name, partial(PROMISES[name], built))
    _say(f"{kept} of {len(chosen)} promises kept: {_seconds(began)}")
    return 0 if kept == len(chosen) else 1


def _is_kept(name: str, attempt: Callable[[], str]) -> bool:
    began = time.monotonic()
    try:
        told = attempt()
    except Exception as error:
        _say(f"BROKEN  {name}: {error or repr(error)} ({_seconds(began)})")
        return False
    _say(f"ok      {name}: {told} ({_seconds(began)})")
    return True


def _seconds(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy/scale_out.sh", description=__doc__)
    parser.add_argument("--only", action="append", metavar="PROMISE", help="try this one alone")
    parser.add_argument(
        "--pairs", type=int, default=1_000, help="of a write and a list, in each condition"
    )
    parser.add_argument(
        "--plant", choices=["no-positions", "no-deadline"], help="with a mistake, to be found"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
