"""Makes a Python process as bare as a user's: only what the requirements of a run install exists.

Python imports this module by itself when its folder is on PYTHONPATH (``site`` in the library
reference). The tests' own environment also holds the development tools, and a package that came
with one of them is not missed until a user starts Stockroom. AND_LISTS names further lists that the
user has installed.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.abc import MetaPathFinder
from importlib.metadata import packages_distributions
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
LISTS = ("requirements.txt", "requirements-embedded.txt", *os.environ.get("AND_LISTS", "").split())


def required() -> set[str]:
    """The distributions that ``make run`` installs, in their normalised spelling."""
    text = "".join((PROJECT / name).read_text() for name in LISTS)
    return {normal(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Absent(MetaPathFinder):
    """Answers for every package that no requirement of a run brings: there is none."""

    def __init__(self) -> None:
        installed = packages_distributions()
        wanted = required()
        self.names = {
            package
            for package, owners in installed.items()
            if wanted.isdisjoint(map(normal, owners))
        }

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
