"""The Dockerfile, carried out on this machine: its own commands, in a folder, without an engine.

The folder stands for the image's file system, of which only what lies in PLACES is looked at. All
stages share it, so ``COPY --from`` only proves that what it copies is there. An instruction that
this module does not know is an error, so that none is passed over.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.environment import VARIABLES
from config.lifeline import lifeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROJECT = Path(__file__).resolve().parents[2]
PLACES = re.compile(r"(?<![\w.:@/])/(app|venv|tmp|wheels|backups)\b")
PYTHON = "python3.12"
STOP_TIMEOUT = 15.0
NOT_IN_THE_IMAGE = ("test", "idlelib", "tkinter", "site-packages", "__pycache__")
NO_CONTENT = {"ARG", "EXPOSE", "LABEL"}  # of no consequence for what is in the image


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Keyword and value of each, comments left out and continued lines joined."""
    text = re.sub(r"^[ \t]*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    pairs = (line.partition(" ") for line in lines if line.strip())
    return [(keyword, value.strip()) for keyword, _, value in pairs]


class Image:
    """What the Dockerfile makes, under a folder that every user may enter."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.command: list[str] = []
        self.health_command: list[str] = []
        self.user = 0
        self._start_stage()
        self._install_python()
        (root / "tmp").mkdir(mode=0o777)
        (root / "tmp").chmod(0o777)

    def build(self) -> None:
        for keyword, value in instructions(PROJECT / "Dockerfile"):
            if keyword not in NO_CONTENT:
                getattr(self, f"_{keyword.lower()}")(value)

    def here(self, text: str) -> str:
        """A text of the image, its places replaced by those on this machine."""
        return PLACES.sub(lambda place: f"{self.root}{place[0]}", text)

    @contextmanager
    def running(
        self, command: Sequence[str], settings: Mapping[str, str], log: Path
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A process in the image, without any right to write to it except below /tmp."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [self.here(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=lifeline(signal.SIGTERM),  # noqa: PLW1509 - should we be killed
                **self._surroundings(settings),
            )
        try:
            yield process
        finally:
            stop(process)

    def run(
        self, command: Sequence[str], settings: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """A process in the image, to its end."""
        return subprocess.run(
            [self.here(word) for word in command],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **self._surroundings(settings),
        )

    def files(self) -> dict[Path, int]:
        """All files outside /tmp, with the moment of their last change."""
        return {
            path.relative_to(self.root): path.lstat().st_mtime_ns
            for path in self.root.rglob("*")
            if not path.is_relative_to(self.root / "tmp")
        }

    def _surroundings(self, settings: Mapping[str, str]) -> dict[str, Any]:
        environment = self.environment | {name: self.here(text) for name, text in settings.items()}
        environment["HOSTNAME"] = os.uname().nodename  # as Docker sets it
        surroundings: dict[str, Any] = {"cwd": self.workdir, "env": environment}
        if os.geteuid() == 0:
            surroundings |= {"user": self.user, "group": self.user, "extra_groups": []}
        return surroundings

    def _start_stage(self) -> None:
        ours = {"PATH", "VIRTUAL_ENV", *VARIABLES}
        outside = {name: value for name, value in os.environ.items() if name not in ours}
        self.environment = outside | {
            "PATH": f"{self.root / 'usr/local/bin'}:{os.defpath}",
            "LD_LIBRARY_PATH": str(self.root / "usr/local/lib"),
        }
        self.workdir = self.root

    def _install_python(self) -> None:
        """What the base image has: a Python with pip, here a copy of one of this machine."""
        found = _interpreter()
        local, library = self.root / "usr/local", Path(found["stdlib"])
        ignored = shutil.ignore_patterns(*NOT_IN_THE_IMAGE)
        shutil.copytree(library, local / "lib" / library.name, symlinks=True, ignore=ignored)
        (local / "lib" / library.name / "site-packages").mkdir()
        for shared in Path(found["base"], "lib").glob("libpython*"):
            shutil.copy2(shared, local / "lib")
        (local / "bin").mkdir()
        shutil.copy2(found["executable"], local / "bin" / library.name)
        (local / "bin/python").symlink_to(library.name)
        self._run("python -m ensurepip --default-pip")

    # The instructions

    def _from(self, _value: str) -> None:
        self._start_stage()

    def _env(self, value: str) -> None:
        for name, text in re.findall(r"(\w+)=(\S+)", value):
            given = text.replace("$PATH", self.environment["PATH"])
            self.environment[name] = self.here(given) if name != "PATH" else _path(self, given)

    def _workdir(self, value: str) -> None:
        self.workdir = Path(self.here(value))
        self.workdir.mkdir(exist_ok=True)

    def _run(self, value: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", self.here(value)],
            cwd=self.workdir,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{value}\n{done.stdout}{done.stderr}"

    def _copy(self, value: str) -> None:
        words = [word for word in value.split() if not word.startswith("--chown=")]
        if words[0].startswith("--from="):
            assert words[1] == words[2]
            assert Path(self.here(words[1])).is_dir()
        elif words == [".", "."]:
            copy_context(self.workdir)
        else:
            for file in words[:-1]:
                shutil.copy2(PROJECT / file, self.workdir)

    def _user(self, value: str) -> None:
        self.user = int(value.partition(":")[0])

    def _healthcheck(self, value: str) -> None:
        self.health_command = json.loads(value.partition("CMD ")[2])

    def _cmd(self, value: str) -> None:
        self.command = json.loads(value)


def _path(image: Image, value: str) -> str:
    return ":".join(
        folder if folder.startswith(str(image.root)) else image.here(folder)
        for folder in value.split(":")
    )


def _interpreter() -> dict[str, str]:
    """The image's Python where this machine has it, otherwise the one that runs the tests."""
    question = (
        "import json, os, sys, sysconfig; print(json.dumps({'base': sys.base_prefix,"
        " 'executable': os.path.realpath(sys.executable),"
        " 'stdlib': sysconfig.get_path('stdlib')}))"
    )
    if found := shutil.which(PYTHON):
        asked = subprocess.run([found, "-c", question], check=False, capture_output=True, text=True)
        if asked.returncode == 0:
            answer: dict[str, str] = json.loads(asked.stdout)
            return answer
    return {
        "base": sys.base_prefix,
        "executable": os.path.realpath(sys.executable),
        "stdlib": sysconfig.get_path("stdlib"),
    }


def copy_context(target: Path) -> None:
    """``COPY . .``, for a .dockerignore that excludes all, admits some, and excludes names."""
    rules = [
        line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line[:1] != "#"
    ]
    assert rules[0] == "*", "everything is left out that is not admitted"
    admitted = [rule[1:] for rule in rules if rule.startswith("!")]
    excluded = [rule.removeprefix("**/") for rule in rules if rule.startswith("**/")]
    assert len(rules) == 1 + len(admitted) + len(excluded)
    for name in admitted:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(*excluded))
        elif not any(fnmatch(name, pattern) for pattern in excluded):
            shutil.copy2(source, target / name)


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask it to end; what is left of its group is killed. Returns how it ended."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()
