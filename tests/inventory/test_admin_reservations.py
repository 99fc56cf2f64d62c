"""Reservations in the back office: the list, the page, releasing and extending."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry

from common.database import database_now
from inventory import operations
from inventory.models import Reservation, StockLevel
from inventory.operations import Wanted
from products.operations import delete_product
from tests.back_office import errors_on, filled_in, page_of, send, staff, text_of, told
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.promise_pages import (
    PROMISE_FORM,
    RESERVATIONS,
    figures,
    held,
    in_days,
    named,
    ordered,
    past_its_time,
    words_of,
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ACTIONS = ["extend", "release"]
HOUR = "3600"


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=7)


@pytest.fixture
def hold(mug) -> Reservation:
    return held("ORDER-1", 5)


def status_of(reservation: Reservation) -> str:
    reservation.refresh_from_db()
    return reservation.status


# The list


def test_the_list_shows_state_lines_units_and_promise(admin_client, mug):
    StockLevelFactory(product__sku="PEN", on_hand=4)
    ordered("PO-1", 10)
    operations.reserve(
        order_reference="LATER",
        lines=[Wanted(9, sku="MUG"), Wanted(2, sku="PEN")],
        allow_incoming=True,
    )
    operations.confirm(reservation_id=held("SURE", 1, sku="PEN").pk)
    operations.release(reservation_id=held("GONE", 1, sku="PEN").pk)
    past_its_time(held("OVERDUE", 1, sku="PEN"))
    page = admin_client.get(RESERVATIONS)
    assert named(page) == ["OVERDUE", "GONE", "SURE", "LATER"]
    words = words_of(page)
    assert f"LATER Active 2 11 {in_days(5):%-d %b %Y}" in words
    assert "SURE Confirmed 1 1 Today –" in words
    assert "GONE Released 1 1 – –" in words
    assert "OVERDUE Overdue 1 1 Today" in words


def test_filters_and_search_of_reservations(admin_client, mug):
    pen = StockLevelFactory(product__sku="PEN", product__barcode="4006381333931", on_hand=9)
    batch = ordered("PO-1", 10)
    held("WAITS", 9)
    operations.change_batch(batch_id=batch.pk, changes={"status": "cancelled"})
    operations.confirm(reservation_id=held("SURE", 1, sku="PEN").pk)
    operations.release(reservation_id=held("GONE", 1, sku="PEN").pk)
    operations.ship(reservation_id=held("SENT", 1, sku="PEN").pk)
    past_its_time(held("OVERDUE", 1, sku="PEN"))

    def listed(query):
        return named(admin_client.get(f"{RESERVATIONS}?{query}"))

    assert listed("") == ["OVERDUE", "SENT", "GONE", "SURE", "WAITS"]
    assert listed("state=open") == ["OVERDUE", "SURE", "WAITS"]
    assert listed("state=waiting") == ["WAITS"]
    assert listed("state=active") == ["WAITS"]
    assert listed("state=overdue") == ["OVERDUE"]
    assert listed("state=confirmed") == ["SURE"]
    assert listed("state=shipped") == ["SENT"]
    assert listed("state=released") == ["GONE"]
    assert listed("state=expired") == []
    assert listed(f"product={mug.product_id}") == ["WAITS"]
    assert listed(f"product={mug.product_id}&state=overdue") == []
    assert listed("product=nonsense") == []
    assert listed("q=pe") == listed(f"product={pen.product_id}") != []
    assert listed("q=4006381333931") == listed("q=PEN")
    assert listed("q=ORDER") == []
    answer = admin_client.get(f"{RESERVATIONS}?q=SURE")
    assert answer.headers["Location"] == page_of(Reservation.objects.get(order_reference="SURE"))
    assert "Waits for supply" in words_of(admin_client.get(f"{RESERVATIONS}?state=waiting"))


def test_an_order_reference_that_was_used_twice_leads_to_a_list(admin_client, hold):
    operations.release(reservation_id=hold.pk)
    held("ORDER-1", 5)
    assert named(admin_client.get(f"{RESERVATIONS}?q=ORDER-1")) == ["ORDER-1", "ORDER-1"]


def test_the_list_takes_as_many_queries_for_many_reservations_as_for_few(
    admin_client, mug, django_assert_max_num_queries
):
    def add(first, last):
        for number in range(first, last):
            StockLevelFactory(product__sku=f"PEN-{number}", on_hand=1)
            ordered(f"PO-{number}", 5, sku=f"PEN-{number}")
            held(f"ORDER-{number}", 2, sku=f"PEN-{number}")

    add(0, 3)
    admin_client.get(RESERVATIONS)
    with django_assert_max_num_queries(7) as few:
        assert len(named(admin_client.get(RESERVATIONS))) == 3
    add(3, 15)
    with django_assert_max_num_queries(len(few)):
        assert len(named(admin_client.get(RESERVATIONS))) == 15


def test_an_empty_list_says_what_will_be_there(admin_client):
    assert "Orders that hold stock will be listed here." in text_of(admin_client.get(RESERVATIONS))


# The page


def test_the_page_shows_what_supplies_each_line(admin_client, mug):
    StockLevelFactory(product=mug.product, location=LocationFactory(code="outlet"), on_hand=2)
    batch = ordered("PO-1", 10)
    hold = held("ORDER-1", 12)
    page = admin_client.get(page_of(hold))
    day = f"{in_days(5):%-d %b %Y}"
    words = words_of(page)
    assert "Mug MUG 12 0 0 7 from Main 2 from Outlet 3 from Batch PO-1" in words
    assert f"Promised for {day}" in words
    assert page_of(batch) in text_of(page)
    assert page_of(mug.product) in text_of(page)
    operations.change_batch(batch_id=batch.pk, changes={"quantity": 1})
    words = words_of(admin_client.get(page_of(hold)))
    assert "Mug MUG 12 0 2 7 from Main 2 from Outlet 1 from Batch PO-1" in words
    assert "Promised for Waits for supply" in words


def test_the_page_tells_its_history(admin_client, mug):
    batch = ordered("PO-1", 10)
    hold = held("ORDER-1", 9)
    operations.extend(reservation_id=hold.pk)
    operations.change_batch(batch_id=batch.pk, changes={"eta": in_days(9)})
    operations.change_batch(batch_id=batch.pk, changes={"quantity": 1})
    operations.confirm(reservation_id=hold.pk)
    operations.ship(reservation_id=hold.pk, lines=[Wanted(3, sku="MUG")])
    operations.release(reservation_id=hold.pk)
    story = words_of(admin_client.get(page_of(hold))).split("History")[-1]
    told = [
        "Released",
        "Shipped: 3 of MUG",
        "Confirmed",
        "MUG: 1 lost their supply, 1 wait for supply",
        f"2 of MUG from PO-1: ETA {in_days(5):%-d %b %Y} → {in_days(9):%-d %b %Y}",
        "Extended until",
        "Held: 9 of MUG",
    ]
    places = [story.index(each) for each in told]
    assert places == sorted(places)


def test_a_reservation_is_never_written_by_hand(admin_client, hold):
    page = text_of(admin_client.get(page_of(hold)))
    assert 'name="status"' not in page
    assert admin_client.get(f"{RESERVATIONS}add/").status_code == 403
    for action in ("change", "delete"):
        answer = admin_client.post(page_of(hold, action), {"post": "yes", "status": "shipped"})
        assert answer.status_code == 403
    assert status_of(hold) == "active"


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_has_a_permission_of_its_own(hold, action):
    clerk = staff("view_reservation", f"{action}_reservation")
    page = text_of(clerk.get(page_of(hold)))
    assert [name for name in ACTIONS if page_of(hold, name) in page] == [action]
    for other in ACTIONS:
        status = 200 if other == action else 403
        assert clerk.get(page_of(hold, other)).status_code == status
        if other != action:
            assert clerk.post(page_of(hold, other), {"lasts": HOUR}).status_code == 403
    blind = staff(f"{action}_reservation", name="blind")
    assert blind.get(page_of(hold)).status_code == 403
    assert blind.get(page_of(hold, action)).status_code == 403
    assert blind.post(page_of(hold, action), {"lasts": HOUR}).status_code == 403


@pytest.mark.parametrize(
    ("end", "offered"),
    [("confirm", ["release"]), ("release", []), ("ship", []), ("", ["extend", "release"])],
)
def test_only_what_has_an_effect_is_offered(admin_client, hold, end, offered):
    if end:
        getattr(operations, end)(reservation_id=hold.pk)
    page = text_of(admin_client.get(page_of(hold)))
    assert [name for name in ACTIONS if page_of(hold, name) in page] == offered


# Releasing


def test_a_release_says_beforehand_and_afterwards_what_it_does(admin_client, hold, mug):
    page = admin_client.get(page_of(hold, "release"))
    assert "Free for others again: 5 of MUG." in words_of(page)
    answer = send(admin_client, page_of(hold, "release"), PROMISE_FORM)
    assert told(answer) == ["ORDER-1: active → released."]
    assert answer.request["PATH_INFO"] == page_of(hold)
    assert LogEntry.objects.get().get_change_message() == "ORDER-1: active → released."
    mug.refresh_from_db()
    assert (mug.on_hand, mug.reserved) == (7, 0)
    assert re.search(r"Released admin", words_of(admin_client.get(page_of(hold))))


def test_what_has_been_shipped_stays_shipped(admin_client, hold, mug):
    operations.ship(reservation_id=hold.pk, lines=[Wanted(2, sku="MUG")])
    page = admin_client.get(page_of(hold, "release"))
    assert "Free for others again: 3 of MUG." in words_of(page)
    send(admin_client, page_of(hold, "release"), PROMISE_FORM)
    mug.refresh_from_db()
    assert (mug.on_hand, mug.reserved) == (5, 0)


def test_an_overdue_hold_can_be_let_go_and_ends_as_expired(admin_client, hold):
    past_its_time(hold)
    send(admin_client, page_of(hold, "release"), PROMISE_FORM)
    assert status_of(hold) == "expired"


def test_a_shipped_one_is_refused_in_a_sentence(admin_client, hold):
    form = filled_in(admin_client.get(page_of(hold, "release")), PROMISE_FORM)
    operations.ship(reservation_id=hold.pk)
    answer = admin_client.post(page_of(hold, "release"), form)
    assert errors_on(answer) == {"__all__": ["It has been shipped already."]}
    assert "It holds nothing any more." in text_of(answer)


def test_one_that_was_confirmed_meanwhile_is_released_only_after_another_look(
    admin_client, hold, mug
):
    form = filled_in(admin_client.get(page_of(hold, "release")), PROMISE_FORM)
    operations.confirm(reservation_id=hold.pk)
    answer = admin_client.post(page_of(hold, "release"), form)
    (sentence,) = errors_on(answer)["__all__"]
    assert sentence.startswith("Somebody has changed it since you opened this page.")
    mug.refresh_from_db()
    assert (status_of(hold), mug.reserved) == ("confirmed", 5)
    form = filled_in(answer, PROMISE_FORM)
    again = admin_client.post(page_of(hold, "release"), form, follow=True)
    assert told(again) == ["ORDER-1: confirmed → released."]


def test_one_that_is_released_already_says_so(admin_client, hold):
    form = filled_in(admin_client.get(page_of(hold, "release")), PROMISE_FORM)
    operations.release(reservation_id=hold.pk)
    answer = admin_client.post(page_of(hold, "release"), form, follow=True)
    assert told(answer) == ["ORDER-1 is released already."]


# Extending


def test_an_extension_counts_from_now(admin_client, hold):
    before = database_now()
    address = page_of(hold, "extend")
    assert figures(admin_client.get(address))["expires_at"] == hold.expires_at.isoformat()
    answer = send(admin_client, address, PROMISE_FORM, lasts=str(24 * 3600))
    hold.refresh_from_db()
    assert timedelta(days=1) <= hold.expires_at - before < timedelta(days=1, minutes=1)
    assert told(answer) == [f"ORDER-1: held until {hold.expires_at:%-d %b %Y, %H:%M} UTC."]


@pytest.mark.parametrize(
    ("entered", "field", "sentence"),
    [
        ({}, "lasts", "This field is required."),
        ({"lasts": "999999999"}, "lasts", "Select a valid choice."),
    ],
)
def test_a_time_that_is_not_offered_is_refused(admin_client, hold, entered, field, sentence):
    answer = send(admin_client, page_of(hold, "extend"), PROMISE_FORM, **entered)
    ((name, (said,)),) = errors_on(answer).items()
    assert name == field
    assert sentence in said


@pytest.mark.parametrize(
    ("meanwhile", "sentence"),
    [
        (past_its_time, "The hold has expired; reserve again."),
        (
            lambda hold: operations.confirm(reservation_id=hold.pk),
            "The reservation is confirmed already.",
        ),
    ],
)
def test_what_cannot_be_extended_is_a_sentence_on_the_form(admin_client, hold, meanwhile, sentence):
    form = filled_in(admin_client.get(page_of(hold, "extend")), PROMISE_FORM, lasts=HOUR)
    meanwhile(hold)
    answer = admin_client.post(page_of(hold, "extend"), form)
    assert errors_on(answer) == {"__all__": [sentence]}


@pytest.mark.parametrize(("action", "entered"), [("release", {}), ("extend", {"lasts": HOUR})])
def test_the_same_form_sent_twice_is_applied_once(admin_client, hold, action, entered):
    address = page_of(hold, action)
    form = filled_in(admin_client.get(address), PROMISE_FORM, **entered)
    first = admin_client.post(address, form, follow=True)
    after = Reservation.objects.values().get()
    second = admin_client.post(address, form, follow=True)
    assert told(first) == told(second) != []
    assert Reservation.objects.values().get() == after
    assert LogEntry.objects.count() == 1


def test_an_overdue_hold_of_a_deleted_product_can_still_be_let_go(admin_client, hold):
    past_its_time(hold)
    delete_product(product_id=StockLevel.objects.get().product_id)
    assert "MUG" in words_of(admin_client.get(page_of(hold)))
    send(admin_client, page_of(hold, "release"), PROMISE_FORM)
    assert status_of(hold) == "expired"


@pytest.mark.parametrize("nobody", ["0190a0a0-0000-7000-8000-000000000000", "nonsense"])
@pytest.mark.parametrize("action", ACTIONS)
def test_there_is_nothing_to_do_where_there_is_no_reservation(admin_client, nobody, action):
    assert admin_client.get(f"{RESERVATIONS}{nobody}/{action}/").status_code == 404


# Elsewhere


def test_products_show_who_waits_and_the_overview_counts_them(admin_client, mug):
    batch = ordered("PO-1", 10)
    held("ORDER-1", 9)
    operations.change_batch(batch_id=batch.pk, changes={"status": "cancelled"})
    words = words_of(admin_client.get(page_of(mug.product)))
    assert "ORDER-1 Active 2 Waits for supply" in words
    assert "ORDER-1 Active 7 Main" in words
    assert "Orders that wait for supply 1" in words_of(admin_client.get("/admin/"))
