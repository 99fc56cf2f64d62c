"""A real browser: headless Chromium, driven by its DevTools protocol over a pipe.

with chromium(tmp_path) as page:
    page.look(width=390, height=844, is_phone=True)
    page.open(f"{running_server.base_url}/admin/login/")
    assert page.ask("document.title")
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from config.lifeline import lifeline
from tests import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE: Final = 120.0  # seconds, for the slowest answer on a busy machine
LOOK_EVERY: Final = 0.05
QUIET: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-pre-commit-input",  # keys count before the first picture is drawn
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    "--remote-debugging-pipe",
)


class Page:
    """The one tab of a browser, and what it has requested and complained of so far."""

    def __init__(self, pipe: _Pipe) -> None:
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self.questions: list[str] = []
        self.answer = True  # to the page's questions, such as whether to leave it
        self._pipe = pipe
        target = pipe.call("Target.createTarget", url="about:blank")["targetId"]
        attached = pipe.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self._loads = 0

    def look(
        self, *, width: int, height: int, is_dark: bool = False, is_phone: bool = False
    ) -> None:
        """The window's size in CSS pixels, and what the reader's system prefers."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if is_phone else 1,
            mobile=is_phone,
        )
        self._call("Emulation.setTouchEmulationEnabled", enabled=is_phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self._call("Emulation.setEmulatedMedia", features=[scheme, still])

    def live_in(self, zone: str) -> None:
        """The reader's time zone."""
        self._call("Emulation.setTimezoneOverride", timezoneId=zone)

    def open(self, address: str) -> None:
        """Go there, and wait until it is loaded with all that it needs."""
        before = self._loads
        answer = self._call("Page.navigate", url=address)
        assert "errorText" not in answer, (address, answer)
        if "loaderId" in answer:  # otherwise it is another place on the same page
            self._wait_for_load(before)

    def do(self, script: str) -> None:
        """Run a script that leads to another page, and wait until that is loaded."""
        before = self._loads
        self.ask(script)
        self._wait_for_load(before)

    def ask(self, script: str) -> Any:
        """The value of an expression on the page; of a promise, what it resolves to."""
        answer = self._call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_until(self, condition: str) -> None:
        """Wait until an expression on the page is true."""
        give_up_at = time.monotonic() + PATIENCE
        while not self.ask(f"Boolean({condition})"):
            assert time.monotonic() < give_up_at, f"{condition} stayed false"
            self._take(self._pipe.next_message(LOOK_EVERY))

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
            text = {"Enter": "\r", "Tab": "\t"}.get(key, key)
            number = {"Enter": 13, "Tab": 9}.get(key, 0)
            press = {"key": key, "windowsVirtualKeyCode": number}
            self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **press)
            self._call("Input.dispatchKeyEvent", type="keyUp", **press)

    def scan(self, code: str) -> None:
        """What a scanner does: the keys of a code, and Enter; then wait where that leads."""
        before = self._loads
        self.press(*code, "Enter")
        self._wait_for_load(before)

    def picture(self) -> bytes:
        """What the window shows, as a PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def log_in(self, base_url: str, username: str, password: str) -> None:
        self.open(f"{base_url}/admin/login/")
        self.enter("username", username)
        self.enter("password", password)
        self.do("document.getElementById('login-form').submit()")
        assert self.ask("location.pathname") == "/admin/"

    def _wait_for_load(self, before: int) -> None:
        give_up_at = time.monotonic() + PATIENCE
        while self._loads == before:
            assert time.monotonic() < give_up_at, "the page did not load"
            self._take(self._pipe.next_message(LOOK_EVERY))
        self.ask("document.fonts.ready.then(() => true)")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._pipe.call(method, self._session, self._take, **parameters)

    def _take(self, message: dict[str, Any] | None) -> None:
        """Note what the browser tells of itself."""
        if message is None:
            return
        told = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loads += 1
            case "Page.javascriptDialogOpening":
                self.questions.append(told["type"])
                self._pipe.tell("Page.handleJavaScriptDialog", self._session, accept=self.answer)
            case "Network.requestWillBeSent":
                self.requested.append(told["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(told["exceptionDetails"]))
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.complaints.append(told["entry"]["text"])


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """A browser that has never been used; ``folder`` keeps its profile."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    program = next(filter(None, found), None) or needs.program("chromium")
    (commands_out, commands_in), (answers_out, answers_in) = os.pipe(), os.pipe()
    process = subprocess.Popen(
        # The browser reads commands from descriptor 3 and answers to 4.
        [  # noqa: S607 - bash, from PATH
            "bash",
            "-c",
            f'exec "$@" 3<&{commands_out} 4>&{answers_in}',
            "bash",
            program,
            *QUIET,
            f"--user-data-dir={folder}",
        ],
        pass_fds=(commands_out, answers_in),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lifeline(signal.SIGTERM),  # noqa: PLW1509 - should this process be killed
    )
    os.close(commands_out)
    os.close(answers_in)
    try:
        yield Page(_Pipe(answers_out, commands_in))
    finally:
        os.close(commands_in)
        os.close(answers_out)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class _Pipe:
    """Messages to and from the browser: JSON, each with a NUL at its end."""

    def __init__(self, answers: int, commands: int) -> None:
        self._answers = answers
        self._commands = commands
        self._unread = b""
        self._last_id = 0

    def call(
        self, method: str, session: str = "", take: Any = None, **parameters: Any
    ) -> dict[str, Any]:
        """The answer to a command; what comes before it is given to ``take``."""
        sent = self.tell(method, session, **parameters)
        give_up_at = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < give_up_at, f"the browser did not answer to {method}"
            message = self.next_message(LOOK_EVERY)
            if message and message.get("id") == sent:
                assert "error" not in message, (method, message["error"])
                result: dict[str, Any] = message["result"]
                return result
            if take:
                take(message)

    def tell(self, method: str, session: str = "", **parameters: Any) -> int:
        """Send a command, and do not wait for its answer; returns its id."""
        self._last_id += 1
        command = {"id": self._last_id, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        return self._last_id

    def next_message(self, timeout: float) -> dict[str, Any] | None:
        """The next message, if one comes in time."""
        while b"\0" not in self._unread:
            if not select.select([self._answers], [], [], timeout)[0]:
                return None
            part = os.read(self._answers, 1 << 20)
            assert part, "the browser has gone"
            self._unread += part
        message, self._unread = self._unread.split(b"\0", 1)
        decoded: dict[str, Any] = json.loads(message)
        return decoded
