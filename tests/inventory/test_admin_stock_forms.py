"""The forms that adjust, count and transfer stock."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from common.idempotency.models import IdempotencyRecord
from inventory import operations
from inventory.models import Location, ReservationLine, StockLevel
from products.operations import delete_product
from tests.back_office import errors_on, filled_in, page_of, send, staff, text_of, told
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.promise_pages import held
from tests.inventory.stock_pages import LEVELS, STOCK_FORM, adjustments, moved
from tests.racing import race

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ACTIONS = ["adjust", "count", "transfer"]
BILLION = "1\u00a0000\u00a0000\u00a0000"


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=7)


@pytest.fixture
def outlet() -> Location:
    return LocationFactory(code="outlet", name="Outlet")


def figures(page) -> list[dict]:
    """The stock levels that the preview works with."""
    (found,) = re.findall(r'<script id="levels"[^>]*>(.*?)</script>', text_of(page))
    return json.loads(found)


# Adjusting


@pytest.mark.parametrize(
    ("kind", "movement"),
    [
        ("receipt", (3, "receipt")),
        ("return", (3, "return")),
        ("adjustment_up", (3, "adjustment")),
        ("sale", (-3, "sale")),
        ("damage", (-3, "damage")),
        ("adjustment_down", (-3, "adjustment")),
    ],
)
def test_each_kind_of_adjustment_goes_its_way(admin_client, mug, kind, movement):
    send(admin_client, page_of(mug, "adjust"), STOCK_FORM, kind=kind, quantity=3)
    assert adjustments(mug) == [movement]


def test_an_adjustment_says_what_became_of_the_stock(admin_client, mug):
    answer = send(
        admin_client,
        page_of(mug, "adjust"),
        STOCK_FORM,
        kind="sale",
        quantity=3,
        reference="TILL-1",
        note="Over the counter.",
    )
    assert told(answer) == ["MUG at Main: 7 → 4 (sale)."]
    assert answer.request["PATH_INFO"] == page_of(mug)
    movement = mug.movements.latest("sequence")
    assert (movement.actor, movement.reference) == ("admin", "TILL-1")
    assert movement.note == "Over the counter."
    assert LogEntry.objects.get().get_change_message() == "MUG at Main: 7 → 4 (sale)."


def test_an_adjustment_is_not_stopped_by_what_others_do_and_says_so(admin_client, mug):
    page = admin_client.get(page_of(mug, "adjust"))
    form = filled_in(page, STOCK_FORM, kind="receipt", quantity=12)
    moved(mug, -1)
    answer = admin_client.post(page_of(mug, "adjust"), form, follow=True)
    assert told(answer) == ["MUG at Main: 6 → 18 (receipt). It was 7 when you opened the form."]


def test_the_form_has_the_figures_for_its_preview(admin_client, mug, outlet):
    StockLevelFactory(product=mug.product, location=LocationFactory(code="depot"), on_hand=2)
    LocationFactory(code="closed", is_active=False)
    (here,) = figures(admin_client.get(page_of(mug, "adjust")))
    assert here == {
        "location": str(mug.location_id),
        "name": "Main",
        "on_hand": 7,
        "reserved": 0,
    }
    there = figures(admin_client.get(page_of(mug, "transfer")))
    assert [(each["name"], each["on_hand"]) for each in there] == [
        ("Main", 7),
        ("Depot", 2),
        ("Outlet", 0),
    ]


# Receiving


def test_a_delivery_without_a_batch_is_received(admin_client, mug):
    answer = send(
        admin_client, page_of(mug, "receive"), STOCK_FORM, quantity=5, reference="DELIVERY-1"
    )
    assert told(answer) == ["MUG at Main: 7 → 12 (receipt)."]
    assert adjustments(mug) == [(5, "receipt")]
    assert mug.movements.latest("sequence").reference == "DELIVERY-1"


def test_receiving_needs_a_permission_of_its_own_and_tells_refusals_on_the_form(mug):
    clerk = staff("view_stocklevel", "receive_stock")
    assert "/receive/" in text_of(clerk.get(page_of(mug)))
    answer = send(clerk, page_of(mug, "receive"), STOCK_FORM, quantity=0)
    assert "greater than or equal to 1" in errors_on(answer)["quantity"][0]
    counter = staff("view_stocklevel", "adjust_stock", "count_stock", name="counter")
    assert "/receive/" not in text_of(counter.get(page_of(mug)))
    assert counter.get(page_of(mug, "receive")).status_code == 403


# Counting


@pytest.mark.parametrize(
    ("counted", "said", "movements"),
    [
        (9, "MUG at Main: 7 → 9 (count, +2).", [(2, "count")]),
        (0, "MUG at Main: 7 → 0 (count, −7).", [(-7, "count")]),
        (7, "MUG at Main: 7, as counted. Nothing had to be changed.", []),
    ],
)
def test_a_count_sets_the_quantity(admin_client, mug, counted, said, movements):
    answer = send(admin_client, page_of(mug, "count"), STOCK_FORM, quantity=counted)
    assert told(answer) == [said]
    assert adjustments(mug) == movements


def test_a_level_that_has_never_moved_can_be_counted(admin_client):
    level = StockLevelFactory(product__sku="MUG", location__name="Main", on_hand=0)
    assert not level.movements.exists()
    answer = send(admin_client, page_of(level, "count"), STOCK_FORM, quantity=0)
    assert told(answer) == ["MUG at Main: 0, as counted. Nothing had to be changed."]
    assert not level.movements.exists()


def test_a_count_against_another_figure_is_refused_until_it_is_confirmed(admin_client, mug):
    form = filled_in(admin_client.get(page_of(mug, "count")), STOCK_FORM, quantity=6)
    moved(mug, -2)
    answer = admin_client.post(page_of(mug, "count"), form)
    (sentence,) = errors_on(answer)["__all__"]
    assert sentence.startswith("It was 7 when you opened this page and is 5 now.")
    assert figures(answer)[0]["on_hand"] == 5
    again = filled_in(answer, STOCK_FORM)
    assert again["quantity"] == "6"
    confirmed = admin_client.post(page_of(mug, "count"), again, follow=True)
    assert told(confirmed) == ["MUG at Main: 5 → 6 (count, +1)."]


# Transferring


def test_a_transfer_says_what_became_of_both_levels(admin_client, mug, outlet):
    StockLevelFactory(product=mug.product, location=outlet, on_hand=3)
    answer = send(admin_client, page_of(mug, "transfer"), STOCK_FORM, quantity=2, reference="VAN-1")
    assert told(answer) == ["2 of MUG: Main 7 → 5, Outlet 3 → 5."]
    movement = mug.movements.latest("sequence")
    assert (movement.reason, movement.actor, movement.reference) == (
        "transfer_out",
        "admin",
        "VAN-1",
    )


def test_stock_is_not_transferred_to_where_it_is_or_to_what_is_closed(admin_client, mug, outlet):
    closed = LocationFactory(code="closed", is_active=False)
    form = filled_in(admin_client.get(page_of(mug, "transfer")), STOCK_FORM, quantity=1)
    assert form["to_location"] == str(outlet.pk)
    for location in (mug.location_id, closed.pk):
        answer = admin_client.post(page_of(mug, "transfer"), form | {"to_location": location})
        assert errors_on(answer).keys() == {"to_location"}
    assert adjustments(mug) == []


def test_where_there_is_no_other_location_the_form_says_so(admin_client, mug):
    assert "There is no other active location." in text_of(
        admin_client.get(page_of(mug, "transfer"))
    )


# Refusals


@pytest.mark.parametrize(
    ("action", "entered", "field", "sentence"),
    [
        (
            "adjust",
            {"kind": "sale", "quantity": 8},
            "quantity",
            "8 of MUG were asked for and 7 are available.",
        ),
        ("adjust", {"quantity": 1}, "kind", "This field is required."),
        ("adjust", {"kind": "gift", "quantity": 1}, "kind", "Select a valid choice."),
        ("adjust", {"kind": "sale", "quantity": 0}, "quantity", "greater than or equal to 1"),
        ("adjust", {"kind": "sale", "quantity": "x"}, "quantity", "Enter a whole number of units"),
        ("adjust", {"kind": "sale", "quantity": "3,5"}, "quantity", "Enter a whole number of"),
        ("count", {"quantity": "3.0"}, "quantity", "Enter a whole number of units"),
        ("count", {"quantity": "1.000"}, "quantity", "Enter a whole number of units"),
        (
            "adjust",
            {"kind": "sale", "quantity": 1, "note": "\x1b[2J"},
            "note",
            "Control characters are not allowed.",
        ),
        ("count", {"quantity": -1}, "quantity", "greater than or equal to 0"),
        ("count", {"quantity": ""}, "quantity", "This field is required."),
        (
            "transfer",
            {"quantity": 8},
            "quantity",
            "8 of MUG were asked for and 7 are available.",
        ),
    ],
)
def test_a_refusal_is_a_sentence_on_the_form(
    admin_client, mug, outlet, action, entered, field, sentence
):
    answer = send(admin_client, page_of(mug, action), STOCK_FORM, **entered)
    ((name, (said,)),) = errors_on(answer).items()
    assert name == field
    assert sentence in said
    assert sentence in text_of(answer)
    assert adjustments(mug) == []
    assert not IdempotencyRecord.objects.exists()


def test_a_count_below_what_is_reserved_is_refused(admin_client):
    level = StockLevelFactory(product__sku="MUG", on_hand=7)
    held("FIRST", 2)
    held("SECOND", 1)
    answer = send(admin_client, page_of(level, "count"), STOCK_FORM, quantity=2)
    sentence = (
        "3 are promised to open reservations: SECOND (1), FIRST (2)."
        " Release some of those first, or take the latest promises back."
    )
    assert errors_on(answer) == {"quantity": [sentence]}
    assert adjustments(level) == []


def test_a_count_may_take_the_latest_promises_back(admin_client):
    level = StockLevelFactory(product__sku="MUG", location__name="Main", on_hand=7)
    held("FIRST", 2)
    held("SECOND", 1)
    answer = send(
        admin_client, page_of(level, "count"), STOCK_FORM, quantity=2, release_latest="on"
    )
    assert told(answer) == ["MUG at Main: 7 → 2 (count, −5). Reserved: 3 → 2."]
    level.refresh_from_db()
    assert (level.on_hand, level.reserved) == (2, 2)
    waiting = ReservationLine.objects.get(unallocated=1)
    assert waiting.reservation.order_reference == "SECOND"


def test_where_nothing_is_promised_there_is_nothing_to_take_back(admin_client, mug):
    assert "release_latest" not in admin_client.get(page_of(mug, "count")).context["form"].fields


@pytest.mark.parametrize("action", ACTIONS)
def test_a_product_that_was_deleted_meanwhile_is_a_sentence(admin_client, mug, outlet, action):
    entered = {"kind": "sale"} if action == "adjust" else {}
    page = admin_client.get(page_of(mug, action))
    form = filled_in(page, STOCK_FORM, quantity=1, **entered)
    delete_product(product_id=mug.product_id)
    answer = admin_client.post(page_of(mug, action), form, follow=True)
    assert told(answer) == ["MUG has been deleted. Its stock can only be read."]
    assert answer.request["PATH_INFO"] == page_of(mug)
    assert adjustments(mug) == []


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "code", ["96385074", "01234565", " 96385074 ", "036000291452", "9521000100015", "9521000100014"]
)
def test_a_code_scanned_into_the_field_for_units_is_no_number_of_units(
    admin_client, mug, outlet, action, code
):
    entered = {"kind": "receipt"} if action == "adjust" else {}
    answer = send(admin_client, page_of(mug, action), STOCK_FORM, quantity=code, **entered)
    (sentence,) = errors_on(answer)["quantity"]
    assert "Was a code scanned into this field?" in sentence
    assert adjustments(mug) == []


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (
            "9521000100015",
            "looks like a barcode, and units are at most 1\u00a0000\u00a0000\u00a0000.",
        ),
        ("96385074", "reads as a barcode. So many units can be booked in two parts."),
    ],
)
def test_advice_about_a_code_fits_what_could_be_meant(admin_client, mug, code, advice):
    answer = send(admin_client, page_of(mug, "adjust"), STOCK_FORM, kind="receipt", quantity=code)
    assert errors_on(answer)["quantity"][0].endswith(f"{code} {advice}")


@pytest.mark.parametrize("quantity", ["1234565", "96385075", "963850740"])
def test_a_large_number_that_is_no_barcode_is_a_number(admin_client, mug, quantity):
    send(admin_client, page_of(mug, "adjust"), STOCK_FORM, kind="receipt", quantity=quantity)
    assert adjustments(mug) == [(int(quantity), "receipt")]


def test_a_refused_form_can_be_corrected_and_sent_again(admin_client, mug):
    address = page_of(mug, "adjust")
    refused = send(admin_client, address, STOCK_FORM, kind="sale", quantity=8)
    corrected = filled_in(refused, STOCK_FORM, quantity=7)
    assert corrected["kind"] == "sale"
    answer = admin_client.post(address, corrected, follow=True)
    assert told(answer) == ["MUG at Main: 7 → 0 (sale)."]


# Sent twice


@pytest.mark.parametrize(
    ("action", "entered", "on_hand"),
    [
        ("adjust", {"kind": "damage", "quantity": 3}, 4),
        ("count", {"quantity": 5}, 5),
        ("transfer", {"quantity": 2}, 5),
    ],
)
def test_the_same_form_sent_twice_is_applied_once(
    admin_client, mug, outlet, action, entered, on_hand
):
    form = filled_in(admin_client.get(page_of(mug, action)), STOCK_FORM, **entered)
    answers = [admin_client.post(page_of(mug, action), form, follow=True) for _ in range(2)]
    assert told(answers[0]) == told(answers[1]) != []
    mug.refresh_from_db()
    assert mug.on_hand == on_hand
    assert len(adjustments(mug)) == 1
    assert LogEntry.objects.count() == 1


def test_a_form_that_was_applied_takes_no_other_figures(admin_client, mug):
    address = page_of(mug, "adjust")
    form = filled_in(admin_client.get(address), STOCK_FORM, kind="sale", quantity=3)
    admin_client.post(address, form)
    answer = admin_client.post(address, form | {"quantity": "2"})
    (sentence,) = errors_on(answer)["__all__"]
    assert sentence == "This form has been applied already. Open it anew for another one."
    assert adjustments(mug) == [(-3, "sale")]


@pytest.mark.parametrize("missing", ["once", "expected_quantity"])
def test_a_form_without_its_hidden_fields_changes_nothing(admin_client, mug, missing):
    form = filled_in(admin_client.get(page_of(mug, "count")), STOCK_FORM, quantity=3)
    del form[missing]
    assert missing in errors_on(admin_client.post(page_of(mug, "count"), form))
    assert adjustments(mug) == []


# Who, where from, and what for


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_has_a_permission_of_its_own(mug, outlet, action):
    clerk = staff("view_stocklevel", f"{action}_stock")
    page = text_of(clerk.get(page_of(mug)))
    assert [name for name in ACTIONS if f"/{name}/" in page] == [action]
    for other in ACTIONS:
        status = 200 if other == action else 403
        assert clerk.get(page_of(mug, other)).status_code == status
        if other != action:
            assert clerk.post(page_of(mug, other), {"quantity": 1}).status_code == 403


def test_from_a_product_page_one_comes_back_to_it(admin_client, mug):
    address = f"{page_of(mug, 'adjust')}?back=product"
    answer = send(admin_client, address, STOCK_FORM, kind="receipt", quantity=1)
    assert answer.request["PATH_INFO"] == page_of(mug.product)


def test_a_change_is_made_at_the_level_that_was_opened(admin_client, mug, outlet):
    operations.open_inventory(sku="MUG", location="outlet", quantity=9)
    level = StockLevel.objects.get(location=outlet)
    send(admin_client, page_of(level, "adjust"), STOCK_FORM, kind="sale", quantity=8)
    level.refresh_from_db()
    mug.refresh_from_db()
    assert (level.on_hand, mug.on_hand) == (1, 7)


@pytest.mark.parametrize("nobody", ["0190a0a0-0000-7000-8000-000000000000", "nonsense"])
def test_there_is_nothing_to_adjust_where_there_is_no_level(admin_client, nobody):
    assert admin_client.get(f"{LEVELS}{nobody}/adjust/").status_code == 404


# At once


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("is_same_form", "applied"), [(True, 1), (False, 2)])
def test_a_double_click_is_applied_once_and_two_forms_are_applied_twice(
    admin_user, is_same_form, applied
):
    """Two forms are the negative control: both would be applied if they were not told apart."""
    Location.objects.default()  # gone with the rows of the test before
    level = StockLevelFactory(on_hand=7)
    clients = [Client(), Client()]
    for client in clients:
        client.force_login(admin_user)
    address = page_of(level, "adjust")
    forms = [
        filled_in(client.get(address), STOCK_FORM, kind="sale", quantity=1) for client in clients
    ]
    chosen = [forms[0], forms[0] if is_same_form else forms[1]]
    answers = race(lambda n: clients[n].post(address, chosen[n]).status_code, workers=2)
    assert set(answers) <= {200, 302}
    assert 302 in answers
    assert len(adjustments(level)) == applied


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_stock_that_somebody_else_holds_is_a_sentence_and_not_an_error_page(admin_client):
    Location.objects.default()
    level = StockLevelFactory(on_hand=7)
    address = page_of(level, "adjust")
    form = filled_in(admin_client.get(address), STOCK_FORM, kind="sale", quantity=1)
    other = connection.copy()
    try:
        with other.cursor() as holder, connection.cursor() as mine:
            holder.execute("BEGIN")
            holder.execute("SELECT 1 FROM inventory_stocklevel FOR UPDATE")
            mine.execute("SET lock_timeout = '100ms'")
            answer = admin_client.post(address, form)
            mine.execute("RESET lock_timeout")
    finally:
        other.close()
    (sentence,) = errors_on(answer)["__all__"]
    assert "Somebody else is changing this right now" in sentence
    assert adjustments(level) == []
