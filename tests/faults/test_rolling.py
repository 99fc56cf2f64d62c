"""A release is rolled out server by server: clients behind the proxy notice nothing."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.deploy.servers import Nginx
from tests.faults.traffic import Traffic, stocked_product
from tests.running import free_port, running_python, running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.slow

ROUNDS = max(2, int(os.environ.get("ROLLING_RESTARTS", "5")) // 2)
WEB = ["-m", "gunicorn", "--config=config/gunicorn.py", "config.wsgi"]


class TwoServers(Nginx):
    """nginx with the configuration of compose, before two web servers."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self._others = ports[1:]
        super().__init__(folder, ports[0])

    def _adapted(self) -> str:
        text = super()._adapted()
        line = f"server 127.0.0.1:{self._web_port} max_fails=1 fail_timeout=1s;"
        assert line in text
        others = [line.replace(f":{self._web_port} ", f":{port} ") for port in self._others]
        return text.replace(line, "\n".join([line, *others]))


@contextmanager
def web_server(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Until it is asked to stop, which it does by itself, with all that it has begun."""
    with running_python(WEB, environment, log) as process:
        wait_until(lambda: answers(environment["PORT"]), 60)
        yield
        process.terminate()
        assert process.wait(40) == 0, log.read_text()


def answers(port: str) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def test_no_request_is_lost_while_one_server_after_the_other_is_replaced(tmp_path):
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stockroom(tmp_path) as prepared,
        ExitStack() as at_end,
    ):
        Path(folder).chmod(0o755)  # nginx is not root
        product, ports = stocked_product(prepared), [free_port(), free_port()]
        servers = [at_end.enter_context(ExitStack()) for _ in ports]

        def start(number: int) -> None:
            environment = {**prepared.environment, "PORT": str(ports[number])}
            servers[number].enter_context(web_server(environment, tmp_path / f"{number}.log"))

        def served(number: int) -> int:
            """The proxy passes one that refused it over for a second, also once it is back."""
            return (tmp_path / f"{number}.log").read_text().count('"route":"/api/v1/')

        start(0)
        start(1)
        proxy = TwoServers(Path(folder) / "proxy", ports)
        at_end.enter_context(proxy.running())
        address = f"http://127.0.0.1:{proxy.ports[8000]}"
        before = dataclasses.replace(prepared, base_url=address)
        with Traffic(before, product).flowing() as traffic:
            for number in [0, 1] * ROUNDS:
                traffic.wait_for_more(5)
                servers[number].close()
                traffic.wait_for_more(5)
                start(number)
                found = served(number)
                wait_until(lambda number=number, found=found: served(number) > found, 30)
        failed = [answer for answer in traffic.answers if answer.status != 200]
        assert failed == [], proxy.log.read_text()
        prepared.manage("verify_stock")
