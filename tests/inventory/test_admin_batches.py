"""Batches in the back office: the list, the page, and the forms."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry

from inventory import operations
from inventory.models import Batch, ReservationLine, StockLevel
from products.operations import delete_product
from tests.back_office import errors_on, filled_in, page_of, send, staff, text_of, told
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.promise_pages import (
    BATCHES,
    PROMISE_FORM,
    figures,
    held,
    in_days,
    named,
    ordered,
    past_its_time,
    words_of,
)
from tests.inventory.stock_pages import LEVELS

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ACTIONS = {
    "receive": "receive_batch",
    "quantity": "change_batch",
    "eta": "change_batch",
    "cancel": "change_batch",
}
ADDED = "batch_form"


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=7)


@pytest.fixture
def batch(mug) -> Batch:
    return ordered("PO-1", 20)


# The list


def test_the_list_shows_what_is_on_its_way_the_earliest_first(admin_client, mug):
    ordered("LATER", 5, days=9)
    late = ordered("LATE", 20, days=-3)
    operations.receive_batch(batch_id=late.pk, quantity=8)
    ordered("HERE", 1, days=None)
    held("ORDER-1", 18)
    page = admin_client.get(BATCHES)
    assert named(page) == ["LATE", "LATER"]
    words = words_of(page)
    assert "3 days late" in words
    assert "Partly received" in words
    (late_row, _) = re.findall(r'<tr[^>]*class="[^"]*data-row.*?</tr>', text_of(page), re.DOTALL)
    cells = re.findall(r"field-shown_(\w+)[^>]*>\s*<span[^>]*>(\d+)<", late_row, re.DOTALL)
    assert cells == [
        ("quantity", "20"),
        ("received", "8"),
        ("outstanding", "12"),
        ("allocated", "2"),
    ]


def test_filters_and_search_of_batches(admin_client, mug):
    ProductFactory(sku="PEN", barcode="4006381333931")
    outlet = LocationFactory(code="outlet")
    ordered("A-LATE", 1, days=-1)
    ordered("B-WEEK", 1, sku="PEN", days=6)
    ordered("C-LATER", 1, days=7)
    ordered("D-HERE", 1, days=None)
    gone = ordered("E-GONE", 1)
    operations.change_batch(batch_id=gone.pk, changes={"status": "cancelled"})
    operations.create_batch(
        reference="F-OUTLET", sku="MUG", location="outlet", quantity=1, eta=in_days(8)
    )

    def listed(query):
        return named(admin_client.get(f"{BATCHES}?{query}"))

    assert listed("") == ["A-LATE", "B-WEEK", "C-LATER", "F-OUTLET"]
    assert listed("eta=overdue") == ["A-LATE"]
    assert listed("eta=week") == ["B-WEEK"]
    assert listed("eta=later") == ["C-LATER", "F-OUTLET"]
    assert listed("status=received") == ["D-HERE"]
    assert listed("status=cancelled") == ["E-GONE"]
    assert len(listed("status=all")) == 6
    assert listed(f"location__id__exact={outlet.pk}") == ["F-OUTLET"]
    assert listed(f"product={mug.product_id}") == ["A-LATE", "C-LATER", "F-OUTLET"]
    assert listed("product=nonsense") == []
    assert listed("q=pe") == ["B-WEEK"]
    assert listed("q=4006381333931") == ["B-WEEK"]
    assert listed("q=a-l") == ["A-LATE"]
    assert listed("q=d-here") == ["D-HERE"]
    assert listed("q=late") == []


def test_who_enters_a_whole_reference_is_led_to_its_page(admin_client, batch):
    ordered("PO-11", 1)
    assert named(admin_client.get(f"{BATCHES}?q=PO-")) == ["PO-1", "PO-11"]
    answer = admin_client.get(f"{BATCHES}?q=PO-1")
    assert (answer.status_code, answer.headers["Location"]) == (302, page_of(batch))


def test_the_list_takes_as_many_queries_for_many_batches_as_for_few(
    admin_client, mug, django_assert_max_num_queries
):
    def add(count):
        for number in range(count):
            sku = ProductFactory().sku
            ordered(f"PO-{sku}", 5, sku=sku, days=number - 2)
            held(f"ORDER-{sku}", 2, sku=sku)

    add(3)
    admin_client.get(BATCHES)
    with django_assert_max_num_queries(6) as few:
        assert len(named(admin_client.get(BATCHES))) == 3
    add(12)
    with django_assert_max_num_queries(len(few)):
        assert len(named(admin_client.get(BATCHES))) == 15


def test_an_empty_list_says_what_will_be_there(admin_client):
    assert "What you have ordered and not received yet" in text_of(admin_client.get(BATCHES))


# Adding


def test_a_batch_is_added_by_the_operation(admin_client, mug):
    answer = send(
        admin_client,
        f"{BATCHES}add/?product={mug.product_id}",
        ADDED,
        reference="PO-7",
        quantity=12,
        eta=in_days(3),
    )
    assert "PO-7" in told(answer)[0]
    batch = Batch.objects.get(reference="PO-7")
    mug.refresh_from_db()
    assert (batch.eta, mug.incoming, mug.next_eta) == (in_days(3), 12, in_days(3))
    assert "Ordered: 12 for main" in words_of(admin_client.get(page_of(batch)))


def test_a_batch_without_an_eta_is_received_at_once(admin_client, mug):
    address = f"{BATCHES}add/?product={mug.product_id}"
    send(admin_client, address, ADDED, reference="PO-7", quantity=12)
    mug.refresh_from_db()
    movement = mug.movements.latest("sequence")
    assert (mug.on_hand, movement.reference, movement.actor) == (19, "PO-7", "admin")


def test_who_may_not_receive_names_an_eta(mug):
    buyer = staff("add_batch", "view_batch", "view_product", "view_location")
    address = f"{BATCHES}add/?product={mug.product_id}"
    assert "received at once" not in text_of(buyer.get(address))
    answer = send(buyer, address, ADDED, reference="PO-7", quantity=12)
    assert errors_on(answer) == {"eta": ["This field is required."]}
    mug.refresh_from_db()
    assert (mug.on_hand, Batch.objects.count()) == (7, 0)
    send(buyer, address, ADDED, reference="PO-7", quantity=12, eta=in_days(3))
    assert Batch.objects.get().outstanding == 12


@pytest.mark.parametrize(
    ("entered", "field", "sentence"),
    [
        ({"reference": "PO-1"}, "reference", "This reference is taken."),
        ({"reference": ""}, "reference", "This field is required."),
        ({"reference": "A\x1bB"}, "reference", "Control characters are not allowed."),
        ({"quantity": "0"}, "quantity", "greater than or equal to 1"),
        ({"quantity": "1,5"}, "quantity", "Enter a whole number of units"),
        ({"eta": "24.12.2026"}, "eta", "Enter a valid date."),
    ],
)
def test_a_batch_that_is_refused_is_a_sentence_on_the_form(
    admin_client, batch, entered, field, sentence
):
    address = f"{BATCHES}add/?product={batch.product_id}"
    values = {"reference": "PO-2", "quantity": 1, "eta": in_days(1)} | entered
    answer = send(admin_client, address, ADDED, **values)
    ((name, (said,)),) = errors_on(answer).items()
    assert name == field
    assert sentence in said
    assert Batch.objects.count() == 1


# The page


def test_the_page_can_be_read_and_not_written(admin_client, batch):
    held("ORDER-1", 10)
    page = admin_client.get(page_of(batch))
    words = words_of(page)
    assert "ORDER-1" in words
    assert "Ordered: 20 for main" in words
    assert 'name="quantity"' not in text_of(page)
    assert admin_client.post(page_of(batch), {"quantity": 1}).status_code == 403
    assert admin_client.post(page_of(batch, "delete"), {"post": "yes"}).status_code == 403
    assert Batch.objects.get().quantity == 20


def test_the_page_tells_its_history(admin_client, batch):
    operations.receive_batch(batch_id=batch.pk, quantity=4)
    operations.change_batch(batch_id=batch.pk, changes={"quantity": 9, "eta": in_days(6)})
    operations.change_batch(batch_id=batch.pk, changes={"status": "cancelled"})
    entries = admin_client.get(page_of(batch)).content.decode().split('id="history"')[1]
    told = re.findall(r"<td>([^<]*(?:Ordered|Received|Status)[^<]*)</td>", entries)
    assert [each.split(":")[0] for each in told] == ["Status", "Ordered", "Received", "Ordered"]
    assert told[0] == "Status: incoming → cancelled"
    assert told[1].startswith("Ordered: 20 → 9; ETA: ")
    assert told[2] == "Received: 4; 16 outstanding"


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_wants_its_permission(batch, action):
    clerk = staff("view_batch", ACTIONS[action])
    allowed = [name for name, permission in ACTIONS.items() if permission == ACTIONS[action]]
    page = text_of(clerk.get(page_of(batch)))
    assert [name for name in ACTIONS if page_of(batch, name) in page] == allowed
    for other in ACTIONS:
        status = 200 if other in allowed else 403
        assert clerk.get(page_of(batch, other)).status_code == status
        if other not in allowed:
            assert clerk.post(page_of(batch, other), {"quantity": 1}).status_code == 403


def test_who_may_only_look_sees_no_actions_and_no_orders(batch):
    held("ORDER-1", 10)
    reader = staff("view_batch")
    page = text_of(reader.get(page_of(batch)))
    assert not any(page_of(batch, name) in page for name in ACTIONS)
    assert "ORDER-1" not in page
    assert reader.get(f"{BATCHES}add/").status_code == 403
    assert staff(name="nobody").get(BATCHES).status_code == 403


def test_a_closed_batch_offers_nothing(admin_client, batch):
    operations.receive_batch(batch_id=batch.pk)
    page = text_of(admin_client.get(page_of(batch)))
    assert not any(page_of(batch, name) in page for name in ACTIONS)
    answer = send(admin_client, page_of(batch, "receive"), PROMISE_FORM, quantity=1)
    assert errors_on(answer) == {"__all__": ["This batch is received already."]}


@pytest.mark.parametrize("nobody", ["0190a0a0-0000-7000-8000-000000000000", "nonsense"])
@pytest.mark.parametrize("action", ACTIONS)
def test_there_is_nothing_to_do_where_there_is_no_batch(admin_client, nobody, action):
    assert admin_client.get(f"{BATCHES}{nobody}/{action}/").status_code == 404


# Receiving


def test_receiving_says_what_became_of_batch_and_stock(admin_client, batch, mug):
    held("ORDER-1", 12)
    address = page_of(batch, "receive")
    page = admin_client.get(address)
    assert filled_in(page, PROMISE_FORM)["quantity"] == "20"
    now = figures(page)
    assert (now["on_hand"], now["outstanding"], now["allocated"]) == (7, 20, 5)
    answer = send(admin_client, address, PROMISE_FORM, quantity=8)
    said = "PO-1: 8 received, 12 outstanding. MUG at Main 7 → 15."
    assert told(answer) == [said]
    assert answer.request["PATH_INFO"] == page_of(batch)
    assert LogEntry.objects.get().get_change_message() == said
    answer = send(admin_client, address, PROMISE_FORM)
    assert told(answer) == ["PO-1: 12 received, complete. MUG at Main 15 → 27."]
    mug.refresh_from_db()
    assert (mug.on_hand, mug.reserved, mug.incoming) == (27, 12, 0)


def test_receiving_is_not_stopped_by_what_others_receive(admin_client, batch):
    form = filled_in(admin_client.get(page_of(batch, "receive")), PROMISE_FORM, quantity=5)
    operations.receive_batch(batch_id=batch.pk, quantity=15)
    answer = admin_client.post(page_of(batch, "receive"), form, follow=True)
    assert told(answer) == ["PO-1: 5 received, complete. MUG at Main 22 → 27."]


# Cutting, moving, cancelling


def test_a_cut_says_beforehand_and_afterwards_whose_promise_it_takes(admin_client, batch):
    held("FIRST", 15)
    held("SECOND", 9)
    ordered("PO-2", 4, days=9)
    page = admin_client.get(page_of(batch, "quantity"))
    now = figures(page)
    assert now["promises"] == [
        {"order": "SECOND", "quantity": 9},
        {"order": "FIRST", "quantity": 8},
    ]
    assert (now["quantity"], now["allocated"], now["others"]) == (20, 17, 0)
    answer = send(admin_client, page_of(batch, "quantity"), PROMISE_FORM, quantity=10)
    (said,) = told(answer)
    assert said == (
        "PO-1: ordered 20 → 10. "
        "SECOND: 7 lost their supply, 4 have other supply, 3 wait for supply."
    )
    assert ReservationLine.objects.get(unallocated__gt=0).unallocated == 3


def test_a_hold_past_its_time_loses_nothing_by_a_cut(admin_client, batch):
    past_its_time(held("OVERDUE", 15))
    now = figures(admin_client.get(page_of(batch, "quantity")))
    assert (now["promises"], now["allocated"], now["others"]) == ([], 0, 0)


def test_more_supply_goes_to_those_who_wait(admin_client, batch):
    held("ORDER-1", 27)
    send(admin_client, page_of(batch, "quantity"), PROMISE_FORM, quantity=15)
    answer = send(admin_client, page_of(batch, "quantity"), PROMISE_FORM, quantity=18)
    (said,) = told(answer)
    assert said == ("PO-1: ordered 15 → 18. ORDER-1: 3 have new supply, 2 wait for supply.")


def test_the_quantity_that_has_arrived_closes_the_batch(admin_client, batch):
    operations.receive_batch(batch_id=batch.pk, quantity=6)
    page = admin_client.get(page_of(batch, "quantity"))
    assert "6 have arrived: that number closes the batch." in text_of(page)
    answer = send(admin_client, page_of(batch, "quantity"), PROMISE_FORM, quantity=6)
    assert told(answer) == ["PO-1: ordered 20 → 6, status incoming → received."]


def test_a_new_eta_moves_promises(admin_client, batch):
    held("ORDER-1", 9)
    address = page_of(batch, "eta")
    assert filled_in(admin_client.get(address), PROMISE_FORM)["eta"] == str(in_days(5))
    answer = send(admin_client, address, PROMISE_FORM, eta=in_days(12))
    (said,) = told(answer)
    day = f"{in_days(12):%-d %b %Y}"
    assert said == f"PO-1: ETA {in_days(5):%-d %b %Y} → {day}. ORDER-1: 2 promised for {day}."
    assert StockLevel.objects.get().next_eta == in_days(12)


def test_a_cancelled_batch_lets_go_of_its_promises(admin_client, batch):
    held("ORDER-1", 9)
    page = admin_client.get(page_of(batch, "cancel"))
    assert figures(page)["promises"] == [{"order": "ORDER-1", "quantity": 2}]
    assert "Keep it" in words_of(page)
    answer = send(admin_client, page_of(batch, "cancel"), PROMISE_FORM)
    assert told(answer) == [
        "PO-1: status incoming → cancelled. ORDER-1: 2 lost their supply, 2 wait for supply."
    ]
    assert Batch.objects.get().status == "cancelled"


@pytest.mark.parametrize(
    ("action", "entered", "field", "sentence"),
    [
        ("receive", {"quantity": 21}, "quantity", "16 of this batch are outstanding."),
        ("receive", {"quantity": 0}, "quantity", "greater than or equal to 1"),
        ("receive", {"quantity": "96385074"}, "quantity", "Was a code scanned into this field?"),
        ("quantity", {"quantity": 3}, "quantity", "4 have been received already."),
        ("quantity", {"quantity": ""}, "quantity", "This field is required."),
        ("eta", {"eta": ""}, "eta", "This field is required."),
        ("eta", {"eta": "2026-02-30"}, "eta", "Enter a valid date."),
    ],
)
def test_a_refusal_is_a_sentence_on_the_form(admin_client, batch, action, entered, field, sentence):
    operations.receive_batch(batch_id=batch.pk, quantity=4)
    before = Batch.objects.values().get()
    answer = send(admin_client, page_of(batch, action), PROMISE_FORM, **entered)
    ((name, (said,)),) = errors_on(answer).items()
    assert name == field
    assert sentence in said
    assert Batch.objects.values().get() == before


@pytest.mark.parametrize(
    ("action", "entered", "others"),
    [
        ("quantity", {"quantity": 30}, {"quantity": 25}),
        ("eta", {"eta": "2030-01-02"}, {"eta": in_days(1)}),
        ("cancel", {}, {"quantity": 25}),
    ],
)
def test_nobody_overwrites_what_somebody_else_has_just_decided(
    admin_client, batch, action, entered, others
):
    form = filled_in(admin_client.get(page_of(batch, action)), PROMISE_FORM, **entered)
    operations.change_batch(batch_id=batch.pk, changes=others)
    answer = admin_client.post(page_of(batch, action), form)
    (sentence,) = errors_on(answer)["__all__"]
    assert sentence.startswith("Somebody has changed it since you opened this page.")
    again = admin_client.post(page_of(batch, action), filled_in(answer, PROMISE_FORM), follow=True)
    assert told(again)[0].startswith("PO-1: ")


def test_a_sale_in_between_is_no_obstacle(admin_client, batch):
    form = filled_in(admin_client.get(page_of(batch, "quantity")), PROMISE_FORM, quantity=30)
    held("ORDER-1", 9)
    answer = admin_client.post(page_of(batch, "quantity"), form, follow=True)
    assert told(answer) == ["PO-1: ordered 20 → 30."]


@pytest.mark.parametrize(
    ("action", "entered"),
    [
        ("receive", {"quantity": 5}),
        ("quantity", {"quantity": 12}),
        ("eta", {"eta": "2030-01-02"}),
        ("cancel", {}),
    ],
)
def test_the_same_form_sent_twice_is_applied_once(admin_client, batch, action, entered):
    held("ORDER-1", 20)
    address = page_of(batch, action)
    form = filled_in(admin_client.get(address), PROMISE_FORM, **entered)
    first = admin_client.post(address, form, follow=True)
    after = Batch.objects.values().get()
    second = admin_client.post(address, form, follow=True)
    assert told(first) == told(second) != []
    assert Batch.objects.values().get() == after
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("action", "entered", "said"),
    [
        ("receive", {}, "MUG has been deleted: cancel the batch."),
        ("quantity", {"quantity": 12}, "PO-1: ordered 20 → 12."),
        ("eta", {"eta": "2030-01-02"}, "PO-1: ETA "),
        ("cancel", {}, "PO-1: status incoming → cancelled."),
    ],
)
def test_a_product_that_was_deleted_meanwhile_is_received_no_more(
    admin_client, batch, action, entered, said
):
    form = filled_in(admin_client.get(page_of(batch, action)), PROMISE_FORM, **entered)
    delete_product(product_id=batch.product_id)
    (sentence,) = told(admin_client.post(page_of(batch, action), form, follow=True))
    assert sentence.startswith(said)
    assert Batch.objects.get().received_quantity == 0


def test_the_page_of_a_batch_of_a_deleted_product_says_what_to_do(admin_client, batch):
    advice = "MUG has been deleted: cancel the batch."
    assert advice not in words_of(admin_client.get(page_of(batch)))
    delete_product(product_id=batch.product_id)
    page = admin_client.get(page_of(batch))
    assert advice in words_of(page)
    offered = [name for name in ACTIONS if page_of(batch, name) in text_of(page)]
    assert offered == ["quantity", "eta", "cancel"]
    assert told(admin_client.get(page_of(batch, "receive"), follow=True)) == [advice]
    send(admin_client, page_of(batch, "cancel"), PROMISE_FORM)
    page = admin_client.get(page_of(batch))
    assert advice not in words_of(page)
    assert not any(page_of(batch, name) in text_of(page) for name in ACTIONS)


def test_references_stand_above_their_pages_as_they_are(admin_client, mug):
    for row in (ordered("ar19ba7d9", 1), held("order-é", 1)):
        page = admin_client.get(page_of(row))
        (heading,) = re.findall(r"<h1.*?</h1>", text_of(page), re.DOTALL)
        path = [" ".join(part.split()) for part in re.findall(r"<a [^>]*>([^<]*)</a>", heading)]
        assert path[0] == "Stock"
        assert path[1] in {"Batches", "Reservations"}
        assert path[2] == str(row)


# Elsewhere


def test_products_and_levels_show_what_is_on_its_way(admin_client, batch, mug):
    held("ORDER-1", 9)
    day = f"{in_days(5):%-d %b}"
    for address in ("/admin/products/product/", LEVELS):
        assert f"20 {day}" in words_of(admin_client.get(address))
    for row in (mug, mug.product):
        page = admin_client.get(page_of(row))
        words = words_of(page)
        assert page_of(batch) in text_of(page)
        assert "ORDER-1 Active 7 Main" in words
    assert "ORDER-1 Active 2 Batch PO-1" in words
    assert f"{BATCHES}?product={mug.product_id}" in text_of(page)


def test_the_pages_of_products_hide_batches_and_orders_from_who_may_not_see_them(batch, mug):
    held("ORDER-1", 9)
    reader = staff("view_product", "view_stocklevel")
    for row in (mug, mug.product):
        page = text_of(reader.get(page_of(row)))
        assert "PO-1" not in page
        assert "ORDER-1" not in page


def test_the_overview_counts_late_batches(admin_client, mug):
    assert "Late batches All" not in words_of(admin_client.get("/admin/"))
    ordered("PO-1", 1, days=-1)
    ordered("PO-2", 1, days=-2)
    ordered("PO-3", 1)
    assert "Late batches 2" in words_of(admin_client.get("/admin/"))
    assert "Late batches" not in words_of(staff("view_product").get("/admin/"))
