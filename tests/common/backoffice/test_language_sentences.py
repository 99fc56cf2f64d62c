"""What operations refuse is told in the reader's language, and to programs as it always was."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.test import Client
from django.utils import translation

from common.backoffice.refusals import SENTENCES, sentences
from common.backoffice.sentences import KNOWN, translated
from common.errors import Invalid, NotFound
from inventory.errors import BelowReserved, Shortage
from tests.back_office import errors_on, page_of, send
from tests.common.backoffice import catalogs
from tests.factories import StockLevelFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

FOR_PROGRAMS: Final = {
    "common/inbox",
    "common/rpc",
    "inventory/rpc",
    "products/rpc",
    "common/idempotency",
    "common/database.py",
    "inventory/inbound",
    "inventory/management",
}
"""Refusals that no page of the back office can meet, or whose code has words of its own."""
TOLD_BY_CODE: Final = {"VersionMismatch", "StaleQuantity", "PreconditionRequired", "Busy"}
SHORT: Final = Shortage(requested=9, available=2, product_id="", sku="MUG", attribute=None)


def told(refusal: Any) -> list[str]:
    return [sentence for _attribute, sentence in sentences(refusal)]


def refusals() -> Iterator[tuple[str, str]]:
    """Where the source refuses, and with what sentence: its figures as stars."""
    trees = {path: ast.parse(path.read_text()) for path in catalogs.sources("*.py")}
    kinds = _kinds(list(trees.values())) - TOLD_BY_CODE
    for path, tree in trees.items():
        where = str(path.relative_to(catalogs.ROOT))
        if any(where.startswith(part) for part in FOR_PROGRAMS):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (shape := _refused(node, kinds)):
                yield f"{where}:{node.lineno}", shape


def _refused(node: ast.Call, kinds: set[str]) -> str:
    is_refusal = getattr(node.func, "id", "") in {*kinds, "_bad"}
    return _shape(node.args[0]) if is_refusal and node.args else ""


def _kinds(trees: list[ast.Module]) -> set[str]:
    """``DomainError`` and all that comes of it."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    kinds = {"DomainError"}
    while found := {
        each.name
        for each in classes
        if each.name not in kinds and kinds & {getattr(base, "id", "") for base in each.bases}
    }:
        kinds |= found
    return kinds


def _shape(detail: ast.expr) -> str:
    if isinstance(detail, ast.Constant):
        return str(detail.value)
    if isinstance(detail, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "*" for part in detail.values]
        return "".join(map(str, parts))
    return ""


@pytest.mark.slow
def test_every_sentence_with_which_operations_refuse_is_known_to_the_back_office():
    unknown = []
    for where, shape in refusals():
        pattern = re.compile(".+".join(map(re.escape, shape.split("*"))))
        if not any(pattern.fullmatch(template) for template in KNOWN):
            unknown.append(f"{where} {shape}")
    assert unknown == [], "know() them in the sentences.py of the app's admin"


@pytest.mark.parametrize("template", sorted(KNOWN))
def test_a_known_sentence_is_found_by_its_figures(template):
    figures = {name: f"<{name}>" for name in KNOWN[template].groupindex}
    sentence = template % figures if figures else template
    assert translated(sentence) == sentence
    with translation.override("es"):
        spanish = translated(sentence)
        assert spanish != sentence
        assert spanish == translation.gettext(template) % figures


@pytest.mark.parametrize(
    ("refusal", "english", "spanish"),
    [
        (
            SHORT,
            "9 of MUG were asked for and 2 are available.",
            "Se han pedido 9 de MUG y hay 2 disponibles.",
        ),
        (
            NotFound("There is no such product."),
            "There is no such product.",
            "Ese producto no existe.",
        ),
        (
            Invalid("A barcode has 8, 12, 13 or 14 digits.", attribute="barcode"),
            "A barcode has 8, 12, 13 or 14 digits.",
            "Un código de barras tiene 8, 12, 13 o 14 cifras.",
        ),
    ],
    ids=["shortage", "not_found", "invalid"],
)
def test_a_refusal_is_told_in_the_language_of_the_reader(refusal, english, spanish):
    assert told(refusal) == [english]
    with translation.override("es"):
        assert told(refusal) == [spanish]
    assert refusal.detail == english


def test_units_that_are_promised_are_told_with_the_orders_that_have_them():
    refusal = BelowReserved(reserved=4)
    with translation.override("es"):
        assert told(refusal)[0].startswith("4 están comprometidas con reservas abiertas. Libere")
        refusal.name([{"order_reference": "A-1", "quantity": 3}])
        assert "reservas abiertas: A-1 (3). Libere" in told(refusal)[0]


def test_refusals_with_words_of_their_own_are_translated_too():
    with translation.override("es"):
        stale = SENTENCES["stale_quantity"].format(expected=3, current=5)
    assert stale.startswith("Había 3 cuando abrió esta página y ahora hay 5.")


def test_a_sentence_that_nobody_knows_stays_as_it_is():
    with translation.override("es"):
        assert translated("Nobody has ever said this.") == "Nobody has ever said this."


@pytest.mark.django_db
def test_a_form_shows_the_refusal_in_spanish(admin_user):
    level = StockLevelFactory(product__sku="MUG", on_hand=2)
    client = Client(headers={"Accept-Language": "es"})
    client.force_login(admin_user)
    page = send(client, page_of(level, "adjust"), "stock-form", kind="sale", quantity="9")
    told = errors_on(page)["quantity"]
    assert told == ["Se han pedido 9 de MUG y hay 2 disponibles."]
