"""The catalogs of translations, and the texts of the source that they must have."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polib
from django.conf import settings
from django.utils.translation.template import templatize

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
APPS = ("common", "config", "inventory", "products")
OTHERS = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
ARGUMENTS = {
    "_": (None, 0),
    "gettext": (None, 0),
    "gettext_lazy": (None, 0),
    "gettext_noop": (None, 0),
    "ngettext": (None, 0),
    "ngettext_lazy": (None, 0),
    "pgettext": (0, 1),
    "pgettext_lazy": (0, 1),
    "npgettext": (0, 1),
    "npgettext_lazy": (0, 1),
}
"""For each function: which arguments are the context and the text."""
IN_TEMPLATES = re.compile(r"\b(_|gettext|ngettext|pgettext|npgettext)(?=\()")

Text = tuple[str | None, str]


def files(language: str) -> list[Path]:
    """Our own catalog, and that of libraries without one."""
    return [Path(folder) / language / "LC_MESSAGES/django.po" for folder in settings.LOCALE_PATHS]


def entries(language: str) -> list[polib.POEntry]:
    return [entry for file in files(language) for entry in polib.pofile(str(file))]


def sources(pattern: str) -> Iterator[Path]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob(pattern)):
            if not {"migrations", "api"} & set(path.relative_to(ROOT).parts):
                yield path


@lru_cache(maxsize=1)
def texts() -> frozenset[Text]:
    """What the source asks the catalogs for, in Python and in templates."""
    found: set[Text] = set()
    for path in sources("*.py"):
        found.update(_asked(ast.parse(path.read_text())))
    for path in sources("*.html"):
        found.update(_asked_by_template(path.read_text()))
    return frozenset(found)


def _asked(tree: ast.AST) -> Iterator[Text]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            context_place, place = ARGUMENTS.get(node.func.id, (None, None))
            if place is not None and (text := _literal(node, place)) is not None:
                yield (None if context_place is None else _literal(node, context_place), text)


def _literal(call: ast.Call, place: int) -> str | None:
    argument: Any = call.args[place] if len(call.args) > place else None
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    return None


def _asked_by_template(template: str) -> Iterator[Text]:
    """Django itself turns a template into calls, for xgettext to read."""
    calls = templatize(template)
    for match in IN_TEMPLATES.finditer(calls):
        source = _call(calls, match.start())
        if source:
            yield from _asked(source)


def _call(source: str, start: int) -> ast.AST | None:
    """The call that begins there: up to the first parenthesis with which it can be read."""
    end = source.find(")", start)
    while end >= 0:
        try:
            return ast.parse(source[start : end + 1].replace(" u'", " '"))
        except SyntaxError:
            end = source.find(")", end + 1)
    return None
