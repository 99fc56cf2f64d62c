"""A real browser: Debian's Chromium without a screen, driven by Playwright.

with chromium(tmp_path) as page:
    page.look(width=390, height=844, is_phone=True)
    page.open(f"{running_server.base_url}/admin/login/")
    assert page.ask("document.title")
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

from playwright.sync_api import Dialog, Error, sync_playwright

from tests import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import playwright.sync_api

PATIENCE: Final = 120_000.0  # milliseconds, for the slowest answer on a busy machine
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-pre-commit-input",  # keys count before the first picture is drawn
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)


class Page:
    """The one tab of a browser, and what it has requested and complained of so far.

    ``tab`` is Playwright's own, for whatever else a test does there.
    """

    def __init__(self, tab: playwright.sync_api.Page) -> None:
        self.tab = tab
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self.questions: list[str] = []
        self.answer = True  # to the page's questions, such as whether to leave it
        self._devtools = tab.context.new_cdp_session(tab)
        tab.set_default_timeout(PATIENCE)
        tab.on("requestfinished", lambda request: self.requested.append(request.url))
        tab.on("requestfailed", self._take_failure)
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("console", self._take_message)
        tab.on("dialog", self._take_question)

    def _take_failure(self, request: playwright.sync_api.Request) -> None:
        if request.failure != "csp":  # which let nothing leave the browser
            self.requested.append(request.url)

    def look(
        self, *, width: int, height: int, is_dark: bool = False, is_phone: bool = False
    ) -> None:
        """The window's size in CSS pixels, and what the reader's system prefers."""
        self._devtools.send(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": width,
                "height": height,
                "deviceScaleFactor": 2 if is_phone else 1,
                "mobile": is_phone,
            },
        )
        self._devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": is_phone})
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self._devtools.send("Emulation.setEmulatedMedia", {"features": [scheme, still]})

    def live_in(self, zone: str) -> None:
        """The reader's time zone."""
        self._devtools.send("Emulation.setTimezoneOverride", {"timezoneId": zone})

    def open(self, address: str) -> None:
        """Go there, and wait until it is loaded with all that it needs."""
        self.tab.goto(address)
        self._wait_for_fonts()

    def do(self, script: str) -> None:
        """Run a script that leads to another page, and wait until that is loaded."""
        with self.tab.expect_event("load"), suppress(Error):
            self.tab.evaluate(script)  # the page that is asked may be gone before it can answer
        self._wait_for_fonts()

    def ask(self, script: str) -> Any:
        """The value of an expression on the page; of a promise, what it resolves to."""
        return self.tab.evaluate(script)

    def wait_until(self, condition: str) -> None:
        """Wait until an expression on the page is true."""
        self.tab.wait_for_function(f"() => Boolean({condition})")

    def enter(self, name: str, text: str) -> None:
        """Type into the field with this name, as far as scripts can tell."""
        self.ask(
            f"""(() => {{
                const field = document.querySelector('form [name="{name}"]');
                field.value = {json.dumps(text)};
                field.dispatchEvent(new Event("input", {{bubbles: true}}));
                field.dispatchEvent(new Event("change", {{bubbles: true}}));
            }})()"""
        )

    def press(self, *keys: str) -> None:
        """Press keys, as somebody at the keyboard does."""
        for key in keys:
            self.tab.keyboard.press(key)

    def scan(self, code: str) -> None:
        """What a scanner does: the keys of a code, and Enter; then wait where that leads."""
        with self.tab.expect_event("load"):
            self.press(*code, "Enter")
        self._wait_for_fonts()

    def picture(self) -> bytes:
        """What the window shows, as a PNG."""
        return self.tab.screenshot()

    def log_in(self, base_url: str, username: str, password: str) -> None:
        self.open(f"{base_url}/admin/login/")
        self.enter("username", username)
        self.enter("password", password)
        self.do("document.getElementById('login-form').submit()")
        assert self.ask("location.pathname") == "/admin/"

    def _wait_for_fonts(self) -> None:
        self.ask("document.fonts.ready.then(() => true)")

    def _take_message(self, message: playwright.sync_api.ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _take_question(self, question: Dialog) -> None:
        self.questions.append(question.type)
        if self.answer:
            question.accept()
        else:
            question.dismiss()


@contextmanager
def chromium(folder: Path, *, base_url: str | None = None) -> Iterator[Page]:
    """A browser that has never been used; ``folder`` keeps its profile.

    One at a time in a thread: leave one before you start another.

    Playwright keeps an event loop in this thread, which Django would take for asynchronous code.
    """
    with (
        mock.patch.dict(os.environ, DJANGO_ALLOW_ASYNC_UNSAFE="1"),
        sync_playwright() as playwright,
        playwright.chromium.launch_persistent_context(
            folder, executable_path=program(), args=QUIET, no_viewport=True, base_url=base_url
        ) as context,
    ):
        yield Page(context.pages[0])


def program() -> str:
    """The path of the browser."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None) or needs.program("chromium")
