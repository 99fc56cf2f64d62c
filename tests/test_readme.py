"""The README's first steps, as they stand there, against a running server."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.relaying import running_relay
from tests.running import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.running import RunningServer

pytestmark = pytest.mark.slow
README = Path(__file__).parent.parent / "README.md"
HERE = "http://127.0.0.1:8000"
TRAVELS_WITHIN = 30.0  # seconds


def steps(beginning: str) -> str:
    """The block of commands that begins with these words."""
    (block,) = re.findall(rf"```sh\n({re.escape(beginning)}.*?)```", README.read_text(), re.DOTALL)
    return str(block)


def typed(server: RunningServer, commands: str, folder: Path) -> str:
    """What the terminal shows when somebody types that."""
    script = f"set -euo pipefail\nKEY={server.api_key}\n" + commands
    done = subprocess.run(
        ["bash", "-c", script.replace(HERE, server.base_url)],  # noqa: S607 - from PATH
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert '"errors"' not in done.stdout
    return done.stdout


def test_from_nothing_to_the_first_sale_and_on_to_a_webhook(running_server, tmp_path):
    first = steps("API=")
    assert HERE in first
    shown = typed(running_server, first, tmp_path)
    assert '"delta":-3,"on_hand_after":7' in shown
    assert '"reference":"ORDER-1"' in shown
    known = "\n".join(line for line in first.splitlines() if "API=" in line)
    find = re.search(r"^ID=.*?\n\S*.*?$", first, re.DOTALL | re.MULTILINE)
    assert steps(".venv/bin/python manage.py webhook_sink")
    sink, relay, environment = (
        tmp_path / "sink.log",
        tmp_path / "relay.log",
        running_server.environment,
    )
    receiver = ("manage.py", "webhook_sink", "--port", str(free_port()))
    with running_relay(environment, relay), running_relay(environment, sink, *receiver):
        wait_until(lambda: "Listening" in sink.read_text(), TRAVELS_WITHIN)
        shown = typed(
            running_server,
            "\n".join([known, find[0], steps("curl -s -X PATCH $API")]),
            tmp_path,
        )
        assert '"event_type":"stock.changed"' in shown
        wait_until(lambda: "stock.changed" in sink.read_text(), TRAVELS_WITHIN)
    assert "verified" in sink.read_text()
