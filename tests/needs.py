"""What a slow test needs of the machine beside Python.

Where it is missing the test is skipped on a developer's machine; in CI (CI or REQUIRE_BROKER set)
that fails the test, so that none is left out without anybody noticing.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def program(name: str) -> str:
    """The path of a program that has to be installed."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") or missing(
        f"{name} is not installed", required=bool(os.environ.get("CI"))
    )


def npm_packages(named_in: Path, folder: Path) -> None:
    """What a package-lock.json names, installed in a folder."""
    for file in named_in.glob("package*.json"):
        shutil.copy(file, folder)
    command = [program("npm"), "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=folder, check=True)


def missing(what: str, *, required: bool) -> NoReturn:
    if required:
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """A virtual host for tests that take away again what they put into it."""
    with virtual_host() as url:
        yield url


@contextmanager
def virtual_host() -> Iterator[str]:
    """A RabbitMQ, and in it a virtual host that is empty and goes away after the tests.

    TEST_BROKER_URL names one that is given over to the tests; otherwise it is made on the server
    of this machine, which takes the right to administer it.
    """
    if given := os.environ.get("TEST_BROKER_URL"):
        yield given
        return
    name, password = f"stockroom-test-{secrets.token_hex(4)}", secrets.token_hex(16)
    if not _can_administer():
        missing("no RabbitMQ to administer", required=os.environ.get("REQUIRE_BROKER") == "1")
    try:
        _rabbitmqctl("add_vhost", name)
        _rabbitmqctl("add_user", name, password)
        _rabbitmqctl("set_permissions", "-p", name, name, ".*", ".*", ".*")
        yield f"amqp://{name}:{password}@127.0.0.1:5672/{name}"
    finally:
        _rabbitmqctl("delete_vhost", name)
        _rabbitmqctl("delete_user", name)


def _can_administer() -> bool:
    try:
        _rabbitmqctl("list_vhosts")
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _rabbitmqctl(*arguments: str) -> None:
    """Bounded: a broker that hangs would hang the clearing up too, where no test's limit counts."""
    found = shutil.which("rabbitmqctl", path=f"{os.environ['PATH']}:/usr/sbin")
    command = [found or "rabbitmqctl", "-q", "--timeout", "60", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=90)
