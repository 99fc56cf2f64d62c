"""The pages for people, in a real browser: what their scripts draw, not what the server sends."""

import re
import subprocess

import pytest

from tests import needs

pytestmark = pytest.mark.slow

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def drawn(running_server, tmp_path):
    """The document of a page after its scripts have run, and what the browser complained of."""
    chromium = needs.program("chromium")

    def draw(path: str) -> tuple[str, list[str]]:
        done = subprocess.run(
            [
                chromium,
                *QUIET,
                f"--user-data-dir={tmp_path}",
                "--enable-logging=stderr",
                "--virtual-time-budget=15000",
                "--dump-dom",
                running_server.base_url + path,
            ],
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )
        complaints = re.findall(r"CONSOLE.*?\"(.*?)\", source", done.stderr)
        return done.stdout, [line for line in complaints if "Error" in line or "Refused" in line]

    return draw


@pytest.mark.parametrize(
    ("path", "proof"),
    [
        ("/docs", 'id="operations-'),  # Swagger UI has drawn the operations
        ("/redoc", "createProduct"),  # ReDoc has read the document
        ("/admin/login/", 'name="password"'),
    ],
)
def test_a_page_draws_itself_from_this_server_alone(drawn, path, proof):
    page, complaints = drawn(path)
    assert proof in page
    assert not complaints
