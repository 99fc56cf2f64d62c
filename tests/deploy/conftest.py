from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.deploy.deployment import Deployment
from tests.needs import virtual_host

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own are not, and with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="stockroom-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def deployment(open_folder: Path) -> Iterator[Deployment]:
    """All of compose; leave every service running. Its tasks are nobody else's."""
    with virtual_host() as broker_url:
        whole = Deployment(open_folder / "deployment", broker_url)
        with whole.running():
            yield whole
