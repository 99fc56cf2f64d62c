"""Types that openapi-typescript makes from the document: of use to a program, and true.

``shop.ts`` goes from a product to a reservation, against a running server; ``mistakes.ts`` is what
the compiler must find. Both are compiled as strictly as can be.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import needs

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent / "typescript"


def run(folder: Path, *command: str, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory, running_server) -> Path:
    """Our programs, the libraries they use, and the types of the running server's document."""
    made: Path = tmp_path_factory.mktemp("typescript")
    for file in [*HERE.glob("*.ts"), HERE / "tsconfig.json"]:
        shutil.copy(file, made)
    needs.npm_packages(HERE, made)
    generate = ("node_modules/.bin/openapi-typescript", f"{running_server.base_url}/schema")
    run(made, *generate, "--default-non-nullable", "false", "--output", "schema.ts")
    return made


def test_a_program_is_compiled_with_the_types_and_they_tell_the_truth(folder, running_server):
    run(folder, "node_modules/.bin/tsc")
    shown = run(
        folder,
        needs.program("node"),
        "shop.js",
        STOCKROOM_URL=running_server.base_url,
        STOCKROOM_KEY=running_server.api_key,
    )
    assert shown == "7 steps\n"
