"""The catalogs of translations are whole: every text, no guess, the same placeholders."""

from __future__ import annotations

import re

import polib
import pytest
from django.apps import apps
from django.contrib import admin

from common.backoffice import words
from tests.common.backoffice import catalogs

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}|</?\w+[^>]*>")

pytestmark = pytest.mark.parametrize("language", catalogs.OTHERS)


def test_every_text_of_the_source_is_in_the_catalog(language):
    known = {(entry.msgctxt, entry.msgid) for entry in catalogs.entries(language)}
    assert sorted(map(str, catalogs.texts() - known)) == [], "run make messages, and translate"


def test_no_entry_is_without_a_text_or_with_a_guessed_one(language):
    lacking = [e.msgid for e in catalogs.entries(language) if e.fuzzy or not e.translated()]
    assert lacking == []


def test_translations_have_the_placeholders_of_their_texts(language):
    wrong = []
    for entry in catalogs.entries(language):
        expected = sorted(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        told = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
        wrong += [text for text in told if sorted(PLACEHOLDER.findall(text)) != expected]
    assert wrong == []


def test_translations_begin_and_end_as_their_texts_do(language):
    wrong = [
        entry.msgid
        for entry in catalogs.entries(language)
        if not entry.msgid_plural and (entry.msgid[-1] in ".?:…") != (entry.msgstr[-1] in ".?:…")
    ]
    assert wrong == []


def test_what_is_compiled_is_what_is_written(language):
    for file in catalogs.files(language):
        written = {_key(entry): _told(entry) for entry in polib.pofile(str(file))}
        compiled = polib.mofile(str(file.with_suffix(".mo")))
        assert {_key(entry): _told(entry) for entry in compiled} == written, "run make messages"


def _key(entry: polib.POEntry) -> tuple[str | None, str]:
    return (entry.msgctxt, entry.msgid)


def _told(entry: polib.POEntry) -> str | list[str]:
    return [*entry.msgstr_plural.values()] if entry.msgid_plural else entry.msgstr


def test_every_name_of_a_model_in_the_back_office_is_known(language):
    known = {entry.msgid for entry in catalogs.entries(language)}
    names = set()
    for model in apps.get_models():
        if admin.site.is_registered(model) and model.__module__.partition(".")[0] in words.OURS:
            names |= {str(model._meta.verbose_name), str(model._meta.verbose_name_plural)}
    assert names - known == set(), "common/backoffice/words.py needs them"
