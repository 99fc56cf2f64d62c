"""docs/clients.md: its blocks, language by language, over a line that loses answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.clients.lossy import lossy_line

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "clients.md"
ADDRESS = "http://127.0.0.1:8000"
PATIENCE = 120.0  # seconds; curl rests for one after each lost answer

# One webhook that we have signed, and one that somebody has changed on its way.
RECEIVED = {
    "sh": "",
    "python": """
from datetime import UTC, datetime
body, now = '{"type": "stock.low", "id": "0190"}', datetime.now(UTC)
headers = {"webhook-id": "0190", "webhook-timestamp": str(int(now.timestamp()))}
headers["webhook-signature"] = Webhook(secret).sign("0190", now, body)
print(receive(body.encode(), headers))  # → stock.low 0190
# → 204
print(receive(body.replace("low", "out").encode(), headers))  # → 401
""",
    "js": """
const body = '{"type": "stock.low", "id": "0190"}'
const now = new Date()
const headers = { 'webhook-id': '0190', 'webhook-timestamp': String(Math.floor(now / 1000)) }
headers['webhook-signature'] = new Webhook(secret).sign('0190', now, body)
console.log(receive(body, headers)) // → stock.low 0190
// → 204
console.log(receive(body.replace('low', 'out'), headers)) // → 401
""",
}
LANGUAGES = {
    "sh": ("program.sh", ["bash", "-euo", "pipefail"], "# → "),
    "python": ("program.py", [sys.executable], "# → "),
    "js": ("program.mjs", ["node"], "// → "),
}


def program_in(language: str) -> str:
    """The page's blocks in this language, one behind the other."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return "\n".join([*blocks, RECEIVED[language]])


def shown_by(language: str, program: str, folder: Path, key: str) -> list[str]:
    name, command, _ = LANGUAGES[language]
    (folder / name).write_text(program)
    done = subprocess.run(
        [*command, name],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "KEY": key},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def promised_in(language: str, program: str) -> list[str]:
    """What the comments say that the program shows."""
    return re.findall(rf"{LANGUAGES[language][2]}(.*)", program)


@pytest.fixture
def folder(tmp_path):
    """Where a program runs."""
    return tmp_path


@pytest.fixture
def packages(folder, language):
    """What its language needs besides."""
    if language == "js":
        needs.program("node")
        needs.npm_packages(HERE, folder)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("packages")
def test_every_block_does_what_it_says_though_answers_get_lost(running_server, folder, language):
    program = program_in(language)
    with lossy_line(running_server.base_url) as line:
        shown = shown_by(language, program.replace(ADDRESS, line), folder, running_server.api_key)
    assert shown == promised_in(language, program)


@pytest.mark.slow
def test_without_their_keys_the_same_sales_are_made_again(running_server, folder):
    """Negative control: if this fails, the line above loses nothing."""
    program = program_in("python").partition("print(sold.headers")[0].replace("PY", "TWICE")
    program = program.replace('key="py-', 'key="twice-')
    with lossy_line(running_server.base_url, without_key="PATCH") as line:
        shown = shown_by("python", program.replace(ADDRESS, line), folder, running_server.api_key)
    assert promised_in("python", program)[-1] == "7"
    assert shown[-1] == "1"  # carried out three times


def test_every_topic_is_shown_in_every_language():
    topics = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    shown = [topic for topic in topics if "```python" in topic]
    assert len(shown) == 9
    for topic in shown:
        for language in LANGUAGES:
            assert f"```{language}\n" in topic, topic.splitlines()[0]
