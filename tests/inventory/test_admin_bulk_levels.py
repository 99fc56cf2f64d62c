"""The pages that receive, adjust, count and transfer many stock levels at once."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from inventory.models import Location, StockLevel, StockMovement, Transfer
from products.operations import delete_product
from tests.back_office import errors_on, filled_in, staff, text_of, told
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.bulk_pages import bulk_address, opened, row_errors, sent, units
from tests.inventory.promise_pages import held
from tests.inventory.stock_pages import LEVELS, STOCK_FORM, adjustments, moved
from tests.racing import race

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ACTIONS = ["receive", "adjust", "count", "transfer"]


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=7)


@pytest.fixture
def tea() -> StockLevel:
    return StockLevelFactory(product__sku="TEA", product__name="Tea", on_hand=20)


@pytest.fixture
def outlet() -> Location:
    return LocationFactory(code="outlet", name="Outlet")


@pytest.mark.parametrize(
    ("action", "shared", "expected", "sentence"),
    [
        ("receive", {}, [(3, "receipt")], "MUG at Main: 7 → 10 (receipt)"),
        ("adjust", {"kind": "damage"}, [(-3, "damage")], "MUG at Main: 7 → 4 (damage)"),
        ("adjust", {"kind": "return"}, [(3, "return")], "MUG at Main: 7 → 10 (return)"),
        ("count", {}, [(-4, "count")], "MUG at Main: 7 → 3 (count)"),
    ],
)
def test_many_levels_are_changed_together(
    admin_client, mug, tea, action, shared, expected, sentence
):
    page = opened(admin_client, [mug, tea], action)
    entered = units((mug, 3), (tea, 5)) | {"reference": "DOCK-1", "note": "All."} | shared
    answer = sent(admin_client, page, bulk_address("stocklevel", action), entered)
    (said,) = told(answer)
    assert sentence in said
    assert "TEA at Main: 20 → " in said
    assert adjustments(mug) == expected
    assert len(adjustments(tea)) == 1
    movement = tea.movements.latest("sequence")
    assert (movement.reference, movement.note, movement.actor) == ("DOCK-1", "All.", "admin")
    assert sentence in {entry.change_message.rstrip(".") for entry in LogEntry.objects.all()}


def test_many_levels_are_transferred_together(admin_client, mug, tea, outlet):
    page = opened(admin_client, [mug, tea], "transfer")
    entered = units((mug, 2), (tea, 20)) | {"to_location": outlet.pk, "reference": "VAN-1"}
    answer = sent(admin_client, page, bulk_address("stocklevel", "transfer"), entered)
    assert told(answer) == [
        "MUG at Main: 7 → 5 (transfer) → Outlet; TEA at Main: 20 → 0 (transfer) → Outlet."
    ]
    there = StockLevel.objects.filter(location=outlet).order_by("product__sku")
    assert [level.on_hand for level in there] == [2, 20]
    assert Transfer.objects.filter(reference="VAN-1").count() == 2


def spanish(user) -> Client:
    client = Client(headers={"Accept-Language": "es"})
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("action", "shared", "sentence"),
    [
        ("receive", {}, "MUG en Main: 7 → 10 (recepción)."),
        ("adjust", {"kind": "damage"}, "MUG en Main: 7 → 4 (daño)."),
        ("count", {}, "MUG en Main: 7 → 3 (recuento)."),
        ("transfer", {"to_location": "outlet"}, "MUG en Main: 7 → 4 (traslado) → Outlet."),
    ],
)
def test_a_spanish_clerk_reads_spanish_there_and_in_the_history(
    admin_user, mug, outlet, action, shared, sentence
):
    client = spanish(admin_user)
    if "to_location" in shared:
        shared = {"to_location": outlet.pk}
    page = opened(client, [mug], action)
    entered = units((mug, 3)) | shared
    assert told(sent(client, page, bulk_address("stocklevel", action), entered)) == [sentence]
    assert LogEntry.objects.get().change_message == sentence


def test_the_transfer_of_a_spanish_clerk_has_a_verb_and_a_direction(admin_user, mug, outlet):
    client = spanish(admin_user)
    page = opened(client, [mug], "transfer")
    words = text_of(page)
    assert re.search(r"<label[^>]*>\s*A\b", words)
    assert re.search(r"<button[^>]*>\s*Trasladar\s*<", words)
    assert re.search(r"<option[^>]*>\s*Trasladar\s*<", text_of(client.get(LEVELS)))


def test_a_row_without_units_is_left_alone(admin_client, mug, tea):
    page = opened(admin_client, [mug, tea], "count")
    sent(admin_client, page, bulk_address("stocklevel", "count"), units((tea, 0)))
    assert adjustments(mug) == []
    assert adjustments(tea) == [(-20, "count")]


def test_without_any_units_the_page_asks_for_some(admin_client, mug):
    page = opened(admin_client, [mug], "receive")
    answer = sent(admin_client, page, bulk_address("stocklevel", "receive"), {})
    assert errors_on(answer) == {"__all__": ["Enter units for at least one row."]}


def test_all_short_rows_are_told_at_once_and_nothing_is_changed(admin_client, mug, tea, outlet):
    pot = StockLevelFactory(product__sku="POT", on_hand=50)
    for action, shared in [("adjust", {"kind": "sale"}), ("transfer", {"to_location": outlet.pk})]:
        page = opened(admin_client, [mug, tea, pot], action)
        entered = units((mug, 8), (pot, 1), (tea, 21)) | shared
        answer = sent(admin_client, page, bulk_address("stocklevel", action), entered)
        assert row_errors(answer) == [
            ["8 of MUG were asked for and 7 are available."],
            [],
            ["21 of TEA were asked for and 20 are available."],
        ]
        assert errors_on(answer)["__all__"] == ["Nothing was changed: 2 rows need another look."]
        assert filled_in(answer, STOCK_FORM)[f"units-{mug.pk}"] == "8"
        assert "8 of MUG were asked for" in text_of(answer)
    assert StockMovement.objects.filter(delta__lt=0).count() == 0
    assert not StockLevel.objects.filter(location=outlet).exists()


def test_a_short_row_is_told_at_the_location_it_is_about(admin_client, mug, outlet):
    there = StockLevelFactory(product=mug.product, location=outlet, on_hand=2)
    page = opened(admin_client, [mug, there], "adjust")
    entered = units((mug, 3), (there, 3)) | {"kind": "damage"}
    answer = sent(admin_client, page, bulk_address("stocklevel", "adjust"), entered)
    errors = {row.of.pk: row.errors for row in answer.context["form"].rows}
    assert errors[mug.pk] == []
    assert errors[there.pk] == ["3 of MUG were asked for and 2 are available."]


def test_what_is_no_number_of_units_is_told_at_its_row(admin_client, mug, tea):
    page = opened(admin_client, [mug, tea], "receive")
    entered = units((mug, "3.5"), (tea, "9521000100015"))
    answer = sent(admin_client, page, bulk_address("stocklevel", "receive"), entered)
    first, second = row_errors(answer)
    assert first == ["Enter a whole number of units: digits alone."]
    assert "Was a code scanned into this field?" in second[0]


def test_counts_of_stock_that_moved_meanwhile_are_told_at_their_rows(admin_client, mug, tea):
    address = bulk_address("stocklevel", "count")
    page = opened(admin_client, [mug, tea], "count")
    moved(mug, -2)
    answer = sent(admin_client, page, address, units((mug, 6), (tea, 19)))
    first, second = row_errors(answer)
    assert first[0].startswith("It was 7 when you opened this page and is 5 now.")
    assert second == []
    assert adjustments(tea) == []
    confirmed = sent(admin_client, answer, address, {})
    assert told(confirmed) == ["MUG at Main: 5 → 6 (count); TEA at Main: 20 → 19 (count)."]


def test_counts_below_what_is_promised_are_refused_unless_promises_are_taken_back(
    admin_client, mug, tea
):
    held("ORDER", 5)
    address = bulk_address("stocklevel", "count")
    page = opened(admin_client, [mug, tea], "count")
    answer = sent(admin_client, page, address, units((mug, 2), (tea, 1)))
    first, second = row_errors(answer)
    assert first[0].startswith("5 are promised to open reservations")
    assert second == []
    assert adjustments(tea) == []
    sent(admin_client, answer, address, {"release_latest": "on"})
    mug.refresh_from_db()
    assert (mug.on_hand, mug.reserved) == (2, 2)


def test_units_are_not_transferred_to_where_they_are(admin_client, mug, tea):
    LocationFactory(code="outlet")
    page = opened(admin_client, [mug, tea], "transfer")
    entered = units((mug, 1), (tea, 1)) | {"to_location": mug.location_id}
    answer = sent(admin_client, page, bulk_address("stocklevel", "transfer"), entered)
    assert row_errors(answer) == [["It is there already."]] * 2


def test_levels_of_deleted_products_are_left_out_and_the_page_says_so(admin_client, mug, tea):
    address = bulk_address("stocklevel", "receive")
    page = opened(admin_client, [mug, tea], "receive")
    delete_product(product_id=mug.product_id)
    answer = sent(admin_client, page, address, units((mug, 1), (tea, 1)))
    (sentence,) = errors_on(answer)["__all__"]
    assert sentence.startswith("This cannot be done any more to some of the rows selected.")
    assert adjustments(tea) == []
    assert told(sent(admin_client, answer, address, {})) == ["TEA at Main: 20 → 21 (receipt)."]
    again = opened(admin_client, [mug], "receive", query="?deleted=yes")
    assert told(again) == ["The products of these stock levels have been deleted."]


def test_the_same_page_sent_twice_is_applied_once(admin_client, mug, tea):
    address = bulk_address("stocklevel", "receive")
    page = opened(admin_client, [mug, tea], "receive")
    form = filled_in(page, STOCK_FORM, **units((mug, 1), (tea, 2)))
    answers = [admin_client.post(address, form, follow=True) for _ in range(2)]
    assert told(answers[0]) == told(answers[1]) != []
    assert adjustments(mug) == [(1, "receipt")]
    other = admin_client.post(address, form | units((mug, 5)))
    assert errors_on(other)["__all__"][0].startswith("This form has been applied already.")


@pytest.mark.slow
def test_all_that_match_are_selected_across_pages_with_search_and_filters(admin_client, outlet):
    for number in range(55):
        StockLevelFactory(product__sku=f"CUP-{number}", on_hand=1)
    StockLevelFactory(product__sku="CUP-OUT", on_hand=0)
    other = StockLevelFactory(product__sku="BOWL", on_hand=1)
    first = StockLevel.objects.filter(product__sku="CUP-0")
    page = opened(admin_client, first, "receive", query="?stock=in&q=CUP", across=True)
    rows = page.context["form"].rows
    assert len(rows) == 55
    assert other not in [row.of for row in rows]
    entered = {row.name: 1 for row in rows}
    answer = sent(admin_client, page, bulk_address("stocklevel", "receive"), entered)
    assert "and 45 more" in told(answer)[0]
    assert answer.request["QUERY_STRING"] == "stock=in&q=CUP"
    assert StockLevel.objects.filter(on_hand=2).count() == 55


def test_more_rows_than_can_be_read_are_refused_with_advice(admin_client, mug, tea, monkeypatch):
    monkeypatch.setattr("inventory.admin.bulk_level_forms.LevelsForm.most", 1)
    (advice,) = told(opened(admin_client, [mug, tea], "receive"))
    assert advice == ("Select at most 1 at once: search or filter for fewer. Nothing was done.")


def test_where_not_all_that_match_are_counted_the_list_does_not_offer_to_select_them(
    admin_client, monkeypatch
):
    monkeypatch.setattr("common.backoffice.lists.MOST_COUNTED", 51)
    for number in range(53):
        StockLevelFactory(product__sku=f"CUP-{number:02}", on_hand=number % 2)
    capped = text_of(admin_client.get(LEVELS))
    assert "More than 51 match: search or filter for fewer to select all of them." in capped
    assert "Select all 51" not in capped
    monkeypatch.setattr("common.backoffice.lists.MOST_COUNTED", 60)
    assert "Select all 53 stock levels" in text_of(admin_client.get(LEVELS))


@pytest.mark.parametrize(
    ("action", "permission"),
    [
        ("receive", "receive_stock"),
        ("adjust", "adjust_stock"),
        ("count", "count_stock"),
        ("transfer", "transfer_stock"),
    ],
)
def test_each_bulk_action_needs_its_permission(mug, action, permission):
    clerk = staff("view_stocklevel", permission)
    page = text_of(clerk.get(LEVELS))
    assert f'value="bulk_{action}"' in page
    for other in {"receive_stock", "adjust_stock", "count_stock", "transfer_stock"} - {permission}:
        stranger = staff("view_stocklevel", other, name=f"{other}-{action}")
        assert f'value="bulk_{action}"' not in text_of(stranger.get(LEVELS))
        assert stranger.post(bulk_address("stocklevel", action), {}).status_code == 403


def test_a_page_without_rows_leads_to_the_list(admin_client):
    answer = admin_client.get(bulk_address("stocklevel", "receive"))
    assert (answer.status_code, answer["Location"]) == (302, LEVELS)
    nonsense = admin_client.post(bulk_address("stocklevel", "receive"), {"chosen": "x=y z"})
    assert errors_on(nonsense)["__all__"]


def test_the_number_of_queries_does_not_grow_with_the_rows(admin_client):
    def queries(count: int, prefix: str) -> tuple[int, int]:
        rows = [StockLevelFactory(product__sku=f"{prefix}-{n}", on_hand=5) for n in range(count)]
        with CaptureQueriesContext(
            connection,
        ) as opening:
            page = opened(admin_client, rows, "adjust")
        form = filled_in(page, STOCK_FORM, kind="sale", **units(*((row, 1) for row in rows)))
        with CaptureQueriesContext(connection) as applying:
            admin_client.post(bulk_address("stocklevel", "adjust"), form)
        assert (
            StockMovement.objects.filter(product__sku__startswith=prefix, delta=-1).count() == count
        )
        return len(opening), len(applying)

    queries(1, "WARM")
    assert queries(2, "FEW") == queries(40, "MANY")


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_pages_about_the_same_levels_in_another_order_do_not_deadlock(admin_user):
    """Transfers both ways at once; the sum stays, and both are carried out."""
    main, outlet = Location.objects.default(), LocationFactory(code="outlet")
    here = [StockLevelFactory(product__sku=f"CUP-{n}", on_hand=9) for n in range(6)]
    there = [StockLevelFactory(product=row.product, location=outlet, on_hand=9) for row in here]
    address = bulk_address("stocklevel", "transfer")
    clients, forms = [Client(), Client()], []
    for client, rows, target in zip(clients, (here, there[::-1]), (outlet, main), strict=True):
        client.force_login(admin_user)
        page = opened(client, rows, "transfer")
        entered = units(*((row, 4) for row in rows)) | {"to_location": target.pk}
        forms.append(filled_in(page, STOCK_FORM, **entered))
    answers = race(lambda n: clients[n].post(address, forms[n]).status_code, workers=2)
    assert answers == [302, 302]
    assert set(StockLevel.objects.values_list("on_hand", flat=True)) == {9}
    assert Transfer.objects.count() == 12
