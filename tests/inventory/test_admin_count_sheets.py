"""Count sheets in the back office."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from common.database import database_now
from inventory import operations
from inventory.models import CountSheet, StockLevel
from products.operations import delete_product
from tests.back_office import errors_on, filled_in, page_of, send, staff, text_of, told
from tests.factories import (
    CategoryFactory,
    CountSheetFactory,
    LocationFactory,
    ProductFactory,
    StockLevelFactory,
)
from tests.inventory.counts import SHEETS, applied, counted, ledger, line_of
from tests.inventory.promise_pages import held, words_of
from tests.inventory.stock_pages import moved

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

LINES = "count-lines"
BARCODE = "4006381333931"
ALL = ("view_countsheet", "add_countsheet", "change_countsheet", "apply_countsheet")
SCRIPT = {"Accept": "application/json"}


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(
        product__sku="MUG", product__name="Mug", product__barcode=BARCODE, on_hand=12
    )


@pytest.fixture
def pen() -> StockLevel:
    return StockLevelFactory(product__sku="PEN", product__name="Pen", on_hand=5)


@pytest.fixture
def sheet(mug, pen) -> CountSheet:
    return CountSheetFactory(name="November")


def step(sheet: CountSheet, name: str) -> str:
    return f"{SHEETS}{sheet.pk}/{name}/"


def shown(page) -> list[str]:
    """The products of the lines on the page."""
    return re.findall(r'<th scope="row">.*?so-second">([^ <]*)', text_of(page))


def entry(sheet: CountSheet, level: StockLevel, units: object, page=None, **more: str) -> dict:
    """What a script sends for one line."""
    line = line_of(sheet, level)
    return {
        f"{line.pk}-was": "",
        f"{line.pk}-noted": "",
        f"{line.pk}-version": str(line.version),
        f"{line.pk}-counted": str(units),
        f"{line.pk}-note": "",
    } | {f"{line.pk}-{name}": value for name, value in more.items()}


def keep(client, sheet: CountSheet, **entered: object):
    """Enter numbers into lines of the page, by SKU, and send the whole page."""
    by_sku = {line.stock_level.product.sku: line for line in sheet.lines.all()}
    fields = {f"{by_sku[sku].pk}-counted": str(units) for sku, units in entered.items()}
    data = filled_in(client.get(page_of(sheet)), LINES, **fields)
    return client.post(step(sheet, "record"), data, follow=True)


def scanned(client, sheet: CountSheet, code: str, **more: str):
    data = {"code": code, "once": uuid4().hex, "query": ""} | more
    return client.post(step(sheet, "scan"), data, follow=True)


# The list


def test_the_list_shows_how_far_each_sheet_has_come(admin_client, mug, pen, sheet):
    counted(sheet, mug, 10)
    page = words_of(admin_client.get(SHEETS))
    assert "November" in page
    assert "1 of 2" in page
    assert "1 +0 −2" in page
    assert "Open" in page
    counted(sheet, pen, 6)
    applied(sheet, mug, pen)
    page = words_of(admin_client.get(SHEETS))
    assert "2 of 2" in page
    assert "2 +1 −2" in page
    assert "Closed" in page


def test_the_list_takes_as_many_queries_for_many_sheets_as_for_one(admin_client, sheet):
    admin_client.get(SHEETS)
    with CaptureQueriesContext(
        connection,
    ) as few:
        admin_client.get(SHEETS)
    for _ in range(15):
        CountSheetFactory()
    with CaptureQueriesContext(connection) as many:
        assert text_of(admin_client.get(SHEETS)).count("field-shown_name") == 16
    assert len(many) == len(few)


def test_an_empty_list_says_what_to_do(admin_client):
    assert "Make a sheet for a location" in text_of(admin_client.get(SHEETS))


# Making one


def test_a_sheet_is_made_for_a_location(admin_client, mug, pen):
    answer = send(admin_client, f"{SHEETS}add/", "stock-form", name="Aisle 4", is_blind="on")
    sheet = CountSheet.objects.get()
    assert answer.request["PATH_INFO"] == page_of(sheet)
    assert told(answer) == ["The sheet has 2 lines. Scan, or count from the top."]
    assert (sheet.name, sheet.is_blind, sheet.actor) == ("Aisle 4", True, "admin")
    assert LogEntry.objects.get().object_id == str(sheet.pk)


def test_a_sheet_is_made_for_some_products_and_says_which(admin_client, mug, pen):
    tools = CategoryFactory(name="Tools", parent=CategoryFactory(name="Home"))
    StockLevelFactory(product__sku="SAW", product__name="Saw", product__category=tools, on_hand=1)
    page = admin_client.get(f"{SHEETS}add/")
    assert "Home / Tools" in text_of(page)
    form = filled_in(page, "stock-form", category=str(tools.pk), skus="saw", text="sa", stock="in")
    answer = admin_client.post(f"{SHEETS}add/", form, follow=True)
    assert shown(answer) == ["SAW"]
    scope = "Tools; Those with units on hand; “sa”; saw"
    assert CountSheet.objects.get().scope == scope
    assert scope in text_of(answer)


def test_a_sheet_without_a_name_is_called_by_its_location_and_the_day(admin_client, mug):
    outlet = LocationFactory(code="outlet", name="Outlet")
    StockLevelFactory(product=mug.product, location=outlet, on_hand=1)
    for location in (mug.location, outlet):
        send(admin_client, f"{SHEETS}add/", "stock-form", location=str(location.pk))
    day = date_format(timezone.localdate(), "j M Y")
    names = CountSheet.objects.order_by("pk").values_list("name", flat=True)
    assert list(names) == [f"Count at Main, {day}", f"Count at Outlet, {day}"]


def test_a_form_that_is_sent_twice_makes_one_sheet(admin_client, mug):
    form = filled_in(admin_client.get(f"{SHEETS}add/"), "stock-form")
    answers = [admin_client.post(f"{SHEETS}add/", form, follow=True) for _ in range(2)]
    assert len({answer.request["PATH_INFO"] for answer in answers}) == 1
    assert CountSheet.objects.count() == 1


def test_a_sheet_that_cannot_be_made_is_a_sentence_on_the_form(admin_client, mug):
    answer = send(admin_client, f"{SHEETS}add/", "stock-form", skus="MUG, CUP")
    (sentence,) = errors_on(answer)["skus"]
    assert sentence.startswith("Not stocked at Main: CUP.")
    answer = send(admin_client, f"{SHEETS}add/", "stock-form", stock="out")
    assert errors_on(answer)["__all__"] == ["Nothing like that is stocked at Main."]


# Writing numbers into it


def test_numbers_are_kept_and_the_difference_is_coloured(admin_client, sheet):
    answer = keep(admin_client, sheet, MUG=10, PEN=6)
    assert told(answer) == ["2 lines kept."]
    page = text_of(answer)
    assert re.search(r'so-out">−2<', page)
    assert re.search(r'so-good">\+1<', page)
    assert "2 of 2" in words_of(answer)
    assert "+1 −2" in words_of(answer)


def test_a_page_keeps_only_what_was_entered_on_it(admin_client, mug, pen, sheet):
    """Another has counted since the page was opened; their number is not lost."""
    line = line_of(sheet, pen)
    page = admin_client.get(page_of(sheet))
    counted(sheet, mug, 11)
    data = filled_in(page, LINES, **{f"{line.pk}-counted": "4"})
    admin_client.post(step(sheet, "record"), data)
    assert (line_of(sheet, mug).counted, line_of(sheet, pen).counted) == (11, 4)


def test_who_overwrites_a_number_is_told_whose_it_was(admin_client, mug, sheet):
    data = filled_in(
        admin_client.get(page_of(sheet)), LINES, **{f"{line_of(sheet, mug).pk}-counted": "9"}
    )
    counted(sheet, mug, 11)
    answer = admin_client.post(step(sheet, "record"), data, follow=True)
    assert told(answer) == [
        "MUG: bea had counted 11 meanwhile; your number stands now.",
        "MUG: 9 counted.",
    ]


def test_another_person_goes_on_where_one_has_stopped(mug, pen, sheet):
    keep(staff(*ALL, name="ana"), sheet, MUG=10)
    page = staff(*ALL, name="bea").get(page_of(sheet))
    assert filled_in(page, LINES)[f"{line_of(sheet, mug).pk}-counted"] == "10"
    assert "ana," in text_of(page)


@pytest.mark.parametrize(
    "typed", ["x", "-1", "3.5", BARCODE], ids=["word", "minus", "point", "code"]
)
def test_a_number_that_is_none_stays_on_the_page_and_the_others_are_kept(
    admin_client, mug, pen, sheet, typed
):
    answer = keep(admin_client, sheet, MUG=typed, PEN=4)
    assert filled_in(answer, LINES)[f"{line_of(sheet, mug).pk}-counted"] == typed
    assert re.search(r'so-count-wrong so-less" aria-live="polite">\S', text_of(answer))
    assert (line_of(sheet, mug).counted, line_of(sheet, pen).counted) == (None, 4)


def test_a_number_can_be_taken_back(admin_client, mug, sheet):
    counted(sheet, mug, 10)
    assert told(keep(admin_client, sheet, MUG="")) == ["MUG: not counted any more."]
    assert line_of(sheet, mug).counted is None


def test_a_script_keeps_one_line_and_is_told_how_it_stands(admin_client, mug, sheet):
    data = entry(sheet, mug, 10, note="Two broken")
    answer = admin_client.post(step(sheet, "record"), data, headers=SCRIPT).json()
    line = answer["lines"][str(line_of(sheet, mug).pk)]
    assert (line["counted"], line["note"], line["version"]) == ("10", "Two broken", 2)
    assert "−2" in line["state"]
    assert "1 of 2" in answer["head"]
    assert "Apply all counted (1)" in answer["head"]
    wrong = admin_client.post(step(sheet, "record"), entry(sheet, mug, "x"), headers=SCRIPT)
    assert "whole number" in wrong.json()["lines"][str(line_of(sheet, mug).pk)]["wrong"]


@pytest.mark.parametrize(
    "spelt", [str.upper, "{{{}}}".format, "urn:uuid:{}".format], ids=["capitals", "braces", "URN"]
)
@pytest.mark.parametrize("name", ["record", "apply"])
def test_a_field_that_the_page_does_not_have_is_no_entry(admin_client, mug, sheet, name, spelt):
    field = f"{spelt(str(line_of(sheet, mug).pk))}-counted"
    answer = admin_client.post(step(sheet, name), {field: "9"}, follow=True)
    assert answer.status_code == 200
    assert line_of(sheet, mug).counted is None


def test_on_a_sheet_that_was_closed_meanwhile_nothing_is_kept(admin_client, mug, sheet):
    data = entry(sheet, mug, 10)
    operations.close_sheet(sheet_id=sheet.pk)
    answer = admin_client.post(step(sheet, "record"), data, follow=True)
    assert told(answer) == ["This sheet is closed. Make a new one to count again."]
    refused = admin_client.post(step(sheet, "record"), data, headers=SCRIPT)
    assert refused.json()["refusal"].startswith("This sheet is closed.")
    assert line_of(sheet, mug).counted is None


# Scanning


@pytest.mark.parametrize("code", [BARCODE, "MUG", "mug"])
def test_a_scan_leads_to_the_line(admin_client, mug, sheet, code):
    answer = scanned(admin_client, sheet, code, query="show=uncounted")
    assert answer.context["current"].product.sku == "MUG"
    assert answer.context["query"] == "show=uncounted"
    data = filled_in(answer, "count-current", **{f"{line_of(sheet, mug).pk}-counted": "11"})
    after = admin_client.post(step(sheet, "record"), data, follow=True)
    assert told(after) == ["MUG: 11 counted."]
    assert after.request["QUERY_STRING"] == "show=uncounted"
    assert re.search(r'name="code"[^>]* autofocus', text_of(after))


def test_each_scan_may_count_one(admin_client, mug, sheet):
    for number in (1, 2):
        answer = scanned(admin_client, sheet, BARCODE, each="on", query="each=on")
        assert told(answer) == [f"MUG: {number} counted."]
    assert line_of(sheet, mug).counted == 2
    assert re.search(r'name="each" checked', text_of(answer))


def test_the_same_scan_sent_twice_counts_one(admin_client, mug, sheet):
    data = {"code": BARCODE, "each": "on", "once": uuid4().hex}
    said = [admin_client.post(step(sheet, "scan"), data, headers=SCRIPT).json() for _ in range(2)]
    assert [one["said"] for one in said] == ["MUG: 1 counted."] * 2
    assert line_of(sheet, mug).counted == 1


def test_what_is_not_on_the_sheet_can_be_put_there(admin_client, sheet):
    ink = ProductFactory(sku="INK", name="Ink")
    answer = scanned(admin_client, sheet, "INK")
    assert "This product is not on the sheet." in text_of(answer)
    data = {"product": ink.pk}
    answer = admin_client.post(step(sheet, "line"), data, follow=True)
    assert answer.context["current"].product == ink
    assert shown(answer) == ["INK", "MUG", "PEN"]


def test_a_code_that_no_product_has_is_a_sentence(admin_client, sheet):
    sentence = "No product has the barcode or SKU 96385074."
    assert told(scanned(admin_client, sheet, "96385074")) == [sentence]
    data = {"code": "96385074", "once": uuid4().hex, "each": "on"}
    answer = admin_client.post(step(sheet, "scan"), data, headers=SCRIPT)
    assert answer.json() == {"refusal": sentence}
    assert admin_client.post(step(sheet, "scan"), data | {"code": "\x00"}).status_code == 302


# Filters and pages


def test_lines_are_filtered(admin_client, mug, pen, sheet):
    ink = StockLevelFactory(product__sku="INK", on_hand=9)
    operations.add_line(sheet_id=sheet.pk, product_id=ink.product_id)
    counted(sheet, mug, 12)
    counted(sheet, pen, 2)
    moved(mug, -1)
    held("ORDER", 3, sku="PEN")

    def lines(show):
        return shown(admin_client.get(f"{page_of(sheet)}?show={show}"))

    assert lines("") == ["INK", "MUG", "PEN"]
    assert lines("uncounted") == ["INK"]
    assert lines("counted") == ["MUG", "PEN"]
    assert lines("differing") == ["PEN"]
    assert lines("moved") == ["MUG"]
    assert lines("refused") == ["PEN"]
    assert lines("applied") == []
    assert lines("nonsense") == ["INK", "MUG", "PEN"]


def test_a_page_has_a_hundred_lines_and_as_many_queries_as_one_of_few(admin_client, mug):
    few_lines = CountSheetFactory()
    for _ in range(101):
        StockLevelFactory()
    sheet = CountSheetFactory()
    admin_client.get(page_of(sheet))
    with CaptureQueriesContext(connection) as few:
        admin_client.get(page_of(few_lines))
    with CaptureQueriesContext(connection) as many:
        page = admin_client.get(page_of(sheet))
    assert len(many) == len(few)
    assert len(shown(page)) == 100
    assert len(shown(admin_client.get(f"{page_of(sheet)}?page=2"))) == 2
    assert 'href="?page=2"' in text_of(page)


# Blind


def test_who_counts_blind_does_not_see_what_is_expected(pen):
    mug = StockLevelFactory(product__sku="MUG", on_hand=7312)
    sheet = CountSheetFactory(is_blind=True)
    counter = staff("view_countsheet", "change_countsheet")
    moved(mug, -1)
    keep(counter, sheet, MUG=10)
    page = words_of(counter.get(page_of(sheet)))
    for secret in ("7312", "7311", "7302", "moved", "Differing", "Refused"):
        assert secret not in page, secret
    assert shown(counter.get(f"{page_of(sheet)}?show=differing")) == ["MUG", "PEN"]
    told_to_script = counter.post(
        step(sheet, "record"), entry(sheet, mug, 9, was="10"), headers=SCRIPT
    ).json()
    assert "−" not in str(told_to_script)
    assert "Expected" not in text_of(counter.get(step(sheet, "print")))
    assert "blind" in text_of(counter.get(SHEETS))


def test_who_may_apply_sees_what_is_expected_of_what_has_been_counted(admin_client, mug, pen):
    sheet = CountSheetFactory(is_blind=True)
    counted(sheet, mug, 10)
    page = text_of(admin_client.get(page_of(sheet)))
    assert re.search(r'data-title="Expected">12<', page)
    assert not re.search(r'data-title="Expected">5<', page)
    applied(sheet, mug)
    page = text_of(staff("view_countsheet").get(page_of(sheet)))
    assert re.search(r'data-title="Expected">12<', page)


# Applying


def ticked(client, sheet: CountSheet, *levels: StockLevel, **entered: str):
    """Tick lines and ask for them to be applied."""
    data = filled_in(client.get(page_of(sheet)), LINES, **entered)
    data["pick"] = [str(line_of(sheet, level).pk) for level in levels]
    return client.post(step(sheet, "apply"), data, follow=True)


def sure(client, sheet: CountSheet, page, **entered: str):
    return client.post(step(sheet, "apply"), filled_in(page, "count-apply", **entered), follow=True)


def test_ticked_lines_are_shown_before_they_are_applied(admin_client, mug, pen, sheet):
    counted(sheet, mug, 10)
    counted(sheet, pen, 6)
    page = ticked(admin_client, sheet, mug)
    assert "12 → 10" in words_of(page)
    assert "PEN" not in words_of(page)
    assert ledger(mug) == []
    answer = sure(admin_client, sheet, page, note="Yearly count")
    assert told(answer) == ["1 line applied: 0 units more, 2 fewer."]
    assert ledger(mug) == [(-2, 10, "count")]
    assert ledger(pen) == []
    movement = mug.movements.latest("sequence")
    assert (movement.reference, movement.note, movement.actor) == (
        "November",
        "Yearly count",
        "admin",
    )
    assert "12 → 10 −2 Applied" in words_of(answer)
    entries = [one.get_change_message() for one in LogEntry.objects.all()]
    assert entries == ["1 line applied: 0 units more, 2 fewer."]


def test_numbers_entered_on_the_page_are_kept_before_they_are_applied(admin_client, mug, sheet):
    field = f"{line_of(sheet, mug).pk}-counted"
    page = ticked(admin_client, sheet, mug, **{field: "9"})
    assert "12 → 9" in words_of(page)


def test_where_those_numbers_are_refused_the_page_is_shown_with_them_and_nothing_is_asked(
    admin_client, mug, pen, sheet
):
    stranger = entry(CountSheetFactory(name="Another"), pen, 3)
    field = f"{line_of(sheet, mug).pk}-counted"
    data = filled_in(admin_client.get(page_of(sheet)), LINES, **{field: "9"})
    data |= stranger | {"pick": [str(line_of(sheet, mug).pk)], "query": "show=uncounted"}
    answer = admin_client.post(step(sheet, "apply"), data)
    assert len(told(answer)) == 1
    assert filled_in(answer, LINES)[field] == "9"
    assert 'id="count-apply"' not in text_of(answer)
    assert answer.context["query"] == "show=uncounted"
    assert line_of(sheet, mug).counted is None


def test_what_is_ticked_on_a_sheet_that_was_closed_meanwhile_is_not_asked_about(
    admin_client, mug, sheet
):
    data = entry(sheet, mug, 10) | {"pick": [str(line_of(sheet, mug).pk)]}
    operations.close_sheet(sheet_id=sheet.pk)
    answer = admin_client.post(step(sheet, "apply"), data)
    assert told(answer) == ["This sheet is closed. Make a new one to count again."]
    assert 'id="count-apply"' not in text_of(answer)


def test_nothing_ticked_is_a_sentence(admin_client, mug, sheet):
    sentence = "Tick the lines to apply; they must have been counted."
    assert told(ticked(admin_client, sheet, mug)) == [sentence]


def test_all_that_was_counted_is_applied_without_what_has_moved(admin_client, mug, pen, sheet):
    counted(sheet, mug, 10)
    counted(sheet, pen, 5)
    moved(mug, -1)
    page = admin_client.get(step(sheet, "apply"))
    answer = sure(admin_client, sheet, page)
    assert told(answer) == [
        "1 line applied: 0 units more, 0 fewer.",
        "Left, for their stock has moved: 1. See “Moved”.",
    ]
    assert ledger(pen) == [(0, 5, "count")]
    assert ledger(mug) == [(-1, 11, "sale")]


def test_what_is_counted_after_the_question_is_not_applied_with_the_answer(
    admin_client, mug, pen, sheet
):
    counted(sheet, mug, 10)
    page = admin_client.get(step(sheet, "apply"))
    counted(sheet, pen, 0)
    sure(admin_client, sheet, page)
    assert ledger(mug) == [(-2, 10, "count")]
    assert ledger(pen) == []


@pytest.mark.parametrize(
    ("how", "after"), [("difference", 9), ("anyway", 10)], ids=["difference", "anyway"]
)
def test_lines_that_have_moved_say_so_and_offer_two_ways(admin_client, mug, sheet, how, after):
    counted(sheet, mug, 10)
    moved(mug, -1)
    page = text_of(admin_client.get(page_of(sheet)))
    assert "moved since: 12 → 11" in page
    assert "Apply my difference: 11 → 9" in page
    assert "Set anyway: 11 → 10" in page
    assert "Last moved: Sale" in page
    (value,) = re.findall(rf'name="settle" value="([^"]*:{how})"', page)
    data = filled_in(admin_client.get(page_of(sheet)), LINES) | {"settle": value}
    answer = admin_client.post(step(sheet, "apply"), data, follow=True)
    assert told(answer)[0].startswith("1 line applied:")
    assert ledger(mug)[-1][1] == after


@pytest.mark.parametrize(
    ("how", "after"), [("difference", 9), ("anyway", 10)], ids=["difference", "anyway"]
)
def test_all_lines_that_have_moved_are_settled_in_one_way(admin_client, mug, sheet, how, after):
    counted(sheet, mug, 10)
    moved(mug, -1)
    sure(admin_client, sheet, admin_client.get(step(sheet, "apply")), moved=how)
    assert ledger(mug)[-1][1] == after


def test_a_line_that_cannot_be_applied_is_a_sentence_and_promises_can_be_taken_back(
    admin_client, mug, pen, sheet
):
    held("FIRST", 3)
    counted(sheet, mug, 2)
    counted(sheet, pen, 5)
    page = admin_client.get(step(sheet, "apply"))
    assert "3 are promised" in words_of(page)
    done, refused = told(sure(admin_client, sheet, page))
    assert done == "1 line applied: 0 units more, 0 fewer."
    assert refused.startswith("MUG: 3 are promised to open reservations: FIRST (3).")
    assert ledger(mug) == []
    page = admin_client.get(step(sheet, "apply"))
    sure(admin_client, sheet, page, release_latest="on")
    mug.refresh_from_db()
    assert (mug.on_hand, mug.reserved) == (2, 2)


def test_applying_twice_books_once(admin_client, mug, sheet):
    counted(sheet, mug, 10)
    form = filled_in(ticked(admin_client, sheet, mug), "count-apply")
    for _ in range(2):
        admin_client.post(step(sheet, "apply"), form, follow=True)
    assert ledger(mug) == [(-2, 10, "count")]


def test_a_settled_line_that_is_sent_again_is_told_so(admin_client, mug, pen, sheet):
    counted(sheet, mug, 10)
    line = line_of(sheet, mug)
    data = {"settle": f"{line.pk}:{line.version}:anyway"}
    answers = [admin_client.post(step(sheet, "apply"), data, follow=True) for _ in range(2)]
    assert told(answers[1]) == ["Applied before, and not again: 1."]
    assert ledger(mug) == [(-2, 10, "count")]


def test_the_product_of_a_line_may_have_been_deleted(admin_client, mug, sheet):
    counted(sheet, mug, 10)
    delete_product(product_id=mug.product_id)
    answer = sure(admin_client, sheet, admin_client.get(step(sheet, "apply")))
    assert told(answer) == ["MUG: The product has been deleted. Its stock can only be read."]


@pytest.mark.parametrize(
    "given",
    [
        {"settle": "nonsense"},
        {"settle": "x:1:set"},
        {"pick": "nonsense"},
        {"sure": "yes", "until": "yesterday"},
        {"sure": "yes", "lines": "a:b,c"},
        {"sure": "yes", "moved": "nonsense"},
    ],
    ids=str,
)
def test_nonsense_applies_nothing(admin_client, mug, sheet, given):
    counted(sheet, mug, 10)
    answer = admin_client.post(step(sheet, "apply"), given, follow=True)
    assert answer.status_code == 200
    assert ledger(mug) == []


@pytest.mark.parametrize(
    "version",
    ["9" * 5_000, "9" * 18, "٢", "²", "-1", ""],
    ids=["endless", "long", "Arabic", "superscript", "negative", "none"],
)
def test_a_version_that_no_line_has_applies_nothing(admin_client, mug, sheet, version):
    counted(sheet, mug, 10)
    named = f"{line_of(sheet, mug).pk}:{version}"
    until = database_now().isoformat()
    for given in (
        {"settle": f"{named}:anyway"},
        {"sure": "yes", "lines": named, "until": until, "moved": "anyway"},
    ):
        answer = admin_client.post(step(sheet, "apply"), given, follow=True)
        assert answer.status_code == 200
    assert ledger(mug) == []


# Closing and printing


def test_a_sheet_is_closed(admin_client, mug, sheet):
    answer = admin_client.post(step(sheet, "close"), follow=True)
    assert told(answer) == ["The sheet is closed."]
    page = text_of(answer)
    assert "count-scan" not in page
    assert "so-count-units" not in page.replace("so-count-units-more", "")


def test_the_sheet_is_printed(admin_client, mug, pen, sheet):
    counted(sheet, pen, 5)
    page = text_of(admin_client.get(step(sheet, "print")))
    assert "Signature" in page
    for part in ("MUG", BARCODE, "Mug", "PEN", ">12<"):
        assert part in page
    assert "PEN" not in text_of(admin_client.get(f"{step(sheet, 'print')}?show=uncounted"))


# Who may what


def test_every_step_has_its_permission(mug, sheet):
    counted(sheet, mug, 10)
    looker = staff("view_countsheet", name="looker")
    counter = staff("view_countsheet", "change_countsheet", name="counter")
    boss = staff("view_countsheet", "apply_countsheet", name="boss")
    for name in ("record", "scan", "line"):
        assert looker.post(step(sheet, name)).status_code == 403, name
        assert boss.post(step(sheet, name)).status_code == 403, name
        assert counter.post(step(sheet, name)).status_code == 302, name
    for name in ("apply", "close"):
        assert looker.post(step(sheet, name)).status_code == 403, name
        assert counter.post(step(sheet, name)).status_code == 403, name
    assert boss.get(step(sheet, "apply")).status_code == 200
    assert {one.get(f"{SHEETS}add/").status_code for one in (looker, counter, boss)} == {403}
    assert staff("view_countsheet", "add_countsheet").get(f"{SHEETS}add/").status_code == 200
    assert looker.get(step(sheet, "print")).status_code == 200
    nobody = staff(name="nobody")
    assert nobody.get(page_of(sheet)).status_code == 403
    assert nobody.get(step(sheet, "print")).status_code == 403


def test_nothing_is_offered_that_one_may_not(mug, sheet):
    counted(sheet, mug, 10)
    looker = text_of(staff("view_countsheet", name="looker").get(page_of(sheet)))
    counter = text_of(
        staff("view_countsheet", "change_countsheet", name="counter").get(page_of(sheet))
    )
    assert ("count-scan" in looker, "Apply all" in looker, "-counted" in looker) == (False,) * 3
    assert ("count-scan" in counter, "Apply all" in counter, "settle" in counter) == (
        True,
        False,
        False,
    )


def test_steps_that_change_something_are_not_taken_by_looking(admin_client, sheet):
    for name in ("record", "scan", "line", "close"):
        assert admin_client.get(step(sheet, name)).status_code == 302
    sheet.refresh_from_db()
    assert sheet.status == "open"


def test_a_sheet_that_does_not_exist_is_not_found(admin_client):
    assert admin_client.get(f"{SHEETS}{uuid4()}/print/").status_code == 404
    answer = admin_client.get(f"{SHEETS}{uuid4()}/change/")
    assert answer.status_code == 302
