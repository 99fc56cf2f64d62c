"""Take the pictures in docs/screenshots anew: ``make screenshots``.

Starts a Stockroom of its own with the demo in it, and goes through the back office as staff do,
in one window after another: light, dark, and a phone's. The pictures differ from run to run only
by the days of the demo.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from tests.browser import chromium
from tests.running import PROJECT, running_stockroom
from tests.screens import SCREENS, Visit

IS_THERE: Final = """each => {
    const { top, bottom } = each.getBoundingClientRect();
    return each.complete || top > innerHeight || bottom <= 0;
}"""
"""Pictures outside the window are loaded once somebody scrolls there."""
FOLDER: Final = PROJECT / "docs" / "screenshots"
USER: Final = "ana"
WINDOWS: Final[dict[str, dict[str, Any]]] = {
    "": {"width": 1440, "height": 900},
    "-dark": {"width": 1440, "height": 900, "is_dark": True},
    "-phone": {"width": 390, "height": 844, "is_phone": True},
}
COLOURS: Final = 128
"""Of a picture: enough for the eye, and a third of its bytes."""


def pictures() -> Iterator[tuple[str, Callable[[Visit], None], dict[str, Any]]]:
    """The name of each picture, the way to what it shows, and the window."""
    for name, go in SCREENS.items():
        for ending, window in WINDOWS.items():
            yield f"{name}{ending}", go, window


@contextmanager
def demo(folder: Path) -> Iterator[tuple[str, str]]:
    """The address of a Stockroom that holds the demo, and the password of its staff login."""
    password = secrets.token_urlsafe(12)
    with running_stockroom(folder, DJANGO_SUPERUSER_PASSWORD=password) as server:
        server.manage("seed_demo")
        server.manage(
            "createsuperuser", "--noinput", f"--username={USER}", "--email=ana@shop.example"
        )
        yield server.base_url, password


def main() -> None:
    from config.own_servers import own_servers

    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DEVELOPMENT": "1", "DATA_DIR": f"{folder}/servers"}
        with (
            own_servers(durable=False),
            chromium(Path(folder, "browser")) as page,
            demo(Path(folder, "running")) as (base_url, password),
        ):
            page.live_in("UTC")
            page.log_in(base_url, USER, password)
            take_all(Visit(page, base_url))


def take_all(visit: Visit) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, go, window in pictures():
        visit.page.look(**WINDOWS[""] | {"is_dark": window.get("is_dark", False)})
        go(visit)  # at a desk: a phone's lists have no boxes to tick
        visit.page.look(**window)
        visit.page.wait_until(f"[...document.images].every({IS_THERE})")
        keep(visit.page.picture(), FOLDER / f"{name}.png")
        assert not visit.page.complaints, (name, visit.page.complaints)
        sys.stdout.write(f"docs/screenshots/{name}.png\n")


def keep(picture: bytes, path: Path) -> None:
    with Image.open(BytesIO(picture)) as whole:
        whole.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    try:
        main()
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        sys.exit(f"No pictures were taken: {missing}.")
