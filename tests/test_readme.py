"""The README's first steps, as they stand there, against a running server."""

import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
README = Path(__file__).parent.parent / "README.md"
HERE = "http://127.0.0.1:8000"


def test_the_way_from_nothing_to_the_first_sale_is_as_the_readme_says(running_server, tmp_path):
    (steps,) = re.findall(r"```sh\n(API=.*?)```", README.read_text(), re.DOTALL)
    assert HERE in steps
    script = f"set -euo pipefail\nKEY={running_server.api_key}\n" + steps.replace(
        HERE, running_server.base_url
    )
    done = subprocess.run(
        ["bash", "-c", script],  # noqa: S607 - from PATH
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert '"errors"' not in done.stdout
    assert '"delta":-3,"on_hand_after":7' in done.stdout
    assert '"reference":"ORDER-1"' in done.stdout
