"""What scripts write on the pages is in the language of the page, and in the reader's time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.test_pages import (  # noqa: F401 - the fixtures too
    PREVIEW,
    browser,
    choose,
    clerk,
    login,
    open_form,
    page,
    scan,
    send,
    stocked,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser import Page

pytestmark = pytest.mark.slow

LANGUAGE = "document.documentElement.lang"
CHOOSE = """
[...document.querySelectorAll("form[action='/admin/language/']")]
    .find(form => form.elements.language.value === "{}").requestSubmit()
"""
SPANISH_TIMES = """
[...document.querySelectorAll("time[datetime]")].every(time => time.innerText ===
    new Intl.DateTimeFormat("es", { day: "numeric", month: "short", year: "numeric",
        hour: "2-digit", minute: "2-digit", timeZone: "America/Bogota" })
    .format(new Date(time.dateTime)))
"""


@pytest.fixture
def in_spanish(clerk: Page) -> Iterator[Page]:  # noqa: F811
    """The reader has chosen Spanish in the menu, and lives in Bogotá."""
    clerk.live_in("America/Bogota")
    clerk.do(CHOOSE.format("es"))
    assert clerk.ask(LANGUAGE) == "es"
    yield clerk
    clerk.do(CHOOSE.format("en"))


def test_a_form_says_beforehand_in_spanish_what_it_will_do(
    in_spanish,
    running_server,
    stocked,  # noqa: F811
):
    scan(in_spanish, running_server, stocked)
    open_form(in_spanish, "adjust")
    choose(in_spanish, "sale")
    in_spanish.enter("quantity", "3")
    assert in_spanish.ask(PREVIEW) == "En existencia 10 → 7 −3 Disponible 10 → 7 −3"
    in_spanish.enter("quantity", "11")
    assert in_spanish.ask(PREVIEW) == "No es posible: hay 10 disponibles."
    in_spanish.enter("quantity", "3")
    send(in_spanish)
    assert f"{stocked} en Main: 10 → 7 (venta)." in in_spanish.ask("document.body.innerText")
    assert not in_spanish.complaints


def test_times_are_written_as_the_reader_writes_them(
    in_spanish,
    running_server,
    stocked,  # noqa: F811
):
    in_spanish.open(f"{running_server.base_url}/admin/inventory/stockmovement/")
    assert in_spanish.ask("document.querySelectorAll('time[datetime]').length") > 0
    assert in_spanish.ask(SPANISH_TIMES)
