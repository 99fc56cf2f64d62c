"""A pytest plugin: real PostgreSQL and Redis for the session, without a thing to install.

Loaded by ``-p tests.servers`` before anything reads the settings. Servers that the environment
names are used as they are; otherwise the project's own run, without fsync, under
``.data/test``. Sessions side by side do not share a database: the second one takes
``.data/test-2``, and so on.
"""

import gc
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
IS_XDIST_WORKER = "PYTEST_XDIST_WORKER" in os.environ

_session = ExitStack()


def _first_free_data_dir() -> Path:
    """A data directory that no other session uses; ours until this process ends."""
    from config.locks import open_lock, try_lock

    data_dir, number = PROJECT / ".data" / "test", 1
    data_dir.mkdir(parents=True, exist_ok=True)
    while not try_lock(open_lock(data_dir / "session.lock")):
        number += 1
        data_dir = data_dir.with_name(f"test-{number}")
        data_dir.mkdir(exist_ok=True)
    return data_dir


if not IS_XDIST_WORKER:  # a worker inherits the environment of the process that starts it
    os.environ["DEVELOPMENT"] = "1"
    os.environ["WEBHOOK_ALLOW_PRIVATE"] = "1"
    if not os.environ.get("DATA_DIR"):
        os.environ["DATA_DIR"] = str(_first_free_data_dir())


def pytest_sessionstart(session: pytest.Session) -> None:
    if not IS_XDIST_WORKER and not session.config.option.collectonly:
        from config.own_servers import own_servers

        try:
            _session.enter_context(own_servers(durable=False))
        except SystemExit as sentence:
            pytest.exit(str(sentence), returncode=pytest.ExitCode.USAGE_ERROR)


def pytest_collection_finish() -> None:
    """Thousands of tests have been collected, and none of them is rubbish before the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    _session.close()
