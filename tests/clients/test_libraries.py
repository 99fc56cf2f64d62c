"""JSON:API client libraries, as they are, against a running server.

kitsu and devour-client have their pluralisation switched off: ``inventory`` is singular.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import needs

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def libraries(tmp_path_factory) -> Path:
    """A folder with our programs and the libraries that package-lock.json names."""
    folder: Path = tmp_path_factory.mktemp("clients")
    for file in HERE.glob("*.mjs"):
        shutil.copy(file, folder)
    needs.npm_packages(HERE, folder)
    return folder


@pytest.mark.parametrize(
    ("program", "steps"), [("kitsu.mjs", 11), ("devour.mjs", 8), ("datx.mjs", 7)]
)
def test_a_client_library_does_all_its_steps(libraries, running_server, program, steps):
    done = subprocess.run(
        [needs.program("node"), program],
        cwd=libraries,
        env={
            "PATH": os.environ["PATH"],
            "STOCKROOM_API": f"{running_server.base_url}/api/v1",
            "STOCKROOM_KEY": running_server.api_key,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{steps} steps\n"), done.stderr
