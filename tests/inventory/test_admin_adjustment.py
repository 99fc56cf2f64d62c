"""The form that adjusts stock."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from common.idempotency.models import IdempotencyRecord
from inventory import operations
from inventory.models import Location, StockLevel
from tests.back_office import errors_on, filled_in, page_of, send, staff, text_of, told
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.stock_pages import LEVELS, adjustments, moved
from tests.racing import race

pytestmark = pytest.mark.django_db

ADJUSTMENT = "adjustment"


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=7)


def test_the_form_shows_the_figures_it_will_change(admin_client, mug):
    page = admin_client.get(page_of(mug, "adjust"))
    assert 'data-on-hand="7" data-reserved="0"' in text_of(page)
    assert filled_in(page, ADJUSTMENT)["expected_quantity"] == "7"


def test_a_change_says_what_became_of_the_stock(admin_client, mug):
    answer = send(
        admin_client,
        page_of(mug, "adjust"),
        ADJUSTMENT,
        quantity_delta=-3,
        reason="sale",
        reference="TILL-1",
        note="Over the counter.",
    )
    assert told(answer) == ["MUG at main: 7 → 4 (sale)"]
    assert answer.request["PATH_INFO"] == page_of(mug)
    movement = mug.movements.latest("sequence")
    assert (movement.delta, movement.reason, movement.actor) == (-3, "sale", "admin")
    assert (movement.reference, movement.note) == ("TILL-1", "Over the counter.")
    assert LogEntry.objects.get().get_change_message() == "MUG at main: 7 → 4 (sale)"


def test_from_a_product_page_one_comes_back_to_it(admin_client, mug):
    address = f"{page_of(mug, 'adjust')}?back=product"
    product_page = f"/admin/products/product/{mug.product_id}/change/"
    assert product_page in text_of(admin_client.get(address))
    answer = send(admin_client, address, ADJUSTMENT, quantity_delta=1)
    assert answer.request["PATH_INFO"] == product_page


def test_a_change_is_made_at_the_level_that_was_opened(admin_client, mug):
    LocationFactory(code="outlet")
    operations.open_inventory(sku="MUG", location="outlet", quantity=9)
    outlet = StockLevel.objects.get(location__code="outlet")
    send(admin_client, page_of(outlet, "adjust"), ADJUSTMENT, quantity_delta=-8)
    outlet.refresh_from_db()
    mug.refresh_from_db()
    assert (outlet.on_hand, mug.on_hand) == (1, 7)


def test_a_count_sets_the_quantity(admin_client, mug):
    answer = send(admin_client, page_of(mug, "adjust"), ADJUSTMENT, quantity=9)
    assert told(answer) == ["MUG at main: 7 → 9 (count)"]
    assert adjustments(mug) == [(2, "count")]


def test_a_count_that_is_right_already_says_so(admin_client, mug):
    answer = send(admin_client, page_of(mug, "adjust"), ADJUSTMENT, quantity=7)
    assert told(answer) == ["MUG at main: 7, as counted. Nothing had to be changed."]
    assert adjustments(mug) == []


@pytest.mark.parametrize(
    ("entered", "field", "sentence"),
    [
        ({"quantity_delta": -8}, "quantity_delta", "8 of MUG were asked for and 7 are available."),
        ({"quantity_delta": 0}, "quantity_delta", "A change by 0 changes nothing."),
        ({"quantity_delta": "x"}, "quantity_delta", "Enter a whole number."),
        ({"quantity": -1}, "quantity", "Ensure this value is greater than or equal to 0."),
        ({}, "__all__", "Enter either a change or a counted quantity."),
        (
            {"quantity": 3, "quantity_delta": 1},
            "__all__",
            "Enter either a change or a counted quantity.",
        ),
        (
            {"quantity_delta": 1, "reason": "damage"},
            "reason",
            "Stock is not added as 'damage'.",
        ),
        (
            {"quantity_delta": 1, "note": "\x1b[2J"},
            "note",
            "Control characters are not allowed.",
        ),
    ],
)
def test_a_refusal_is_a_sentence_on_the_form(admin_client, mug, entered, field, sentence):
    answer = send(admin_client, page_of(mug, "adjust"), ADJUSTMENT, **entered)
    assert errors_on(answer) == {field: [sentence]}
    assert sentence.replace("'", "&#x27;") in text_of(answer)
    assert adjustments(mug) == []
    assert not IdempotencyRecord.objects.exists()


def test_a_count_below_what_is_reserved_is_refused(admin_client):
    level = StockLevelFactory(on_hand=7, reserved=3)
    answer = send(admin_client, page_of(level, "adjust"), ADJUSTMENT, quantity=2)
    assert errors_on(answer) == {"quantity": ["3 are promised to open reservations."]}


def test_a_count_against_another_figure_is_refused_until_it_is_confirmed(admin_client, mug):
    form = filled_in(admin_client.get(page_of(mug, "adjust")), ADJUSTMENT, quantity=6)
    moved(mug, -2)
    answer = admin_client.post(page_of(mug, "adjust"), form)
    assert errors_on(answer) == {"__all__": ["You saw 7; it is 5 now. Look again and decide anew."]}
    assert 'data-on-hand="5"' in text_of(answer)
    again = filled_in(answer, ADJUSTMENT)
    assert again["quantity"] == "6"
    confirmed = admin_client.post(page_of(mug, "adjust"), again, follow=True)
    assert told(confirmed) == ["MUG at main: 5 → 6 (count)"]


def test_a_refused_form_can_be_corrected_and_sent_again(admin_client, mug):
    refused = send(admin_client, page_of(mug, "adjust"), ADJUSTMENT, quantity_delta=-8)
    corrected = filled_in(refused, ADJUSTMENT, quantity_delta=-7)
    answer = admin_client.post(page_of(mug, "adjust"), corrected, follow=True)
    assert told(answer) == ["MUG at main: 7 → 0 (adjustment)"]


def test_the_same_form_sent_twice_is_applied_once(admin_client, mug):
    form = filled_in(admin_client.get(page_of(mug, "adjust")), ADJUSTMENT, quantity_delta=-3)
    answers = [admin_client.post(page_of(mug, "adjust"), form, follow=True) for _ in range(2)]
    assert [told(answer) for answer in answers] == [["MUG at main: 7 → 4 (adjustment)"]] * 2
    assert adjustments(mug) == [(-3, "adjustment")]
    assert LogEntry.objects.count() == 1


def test_a_form_that_was_applied_takes_no_other_figures(admin_client, mug):
    form = filled_in(admin_client.get(page_of(mug, "adjust")), ADJUSTMENT, quantity_delta=-3)
    admin_client.post(page_of(mug, "adjust"), form)
    answer = admin_client.post(page_of(mug, "adjust"), form | {"quantity_delta": "-2"})
    (sentence,) = errors_on(answer)["__all__"]
    assert sentence == "This form has been applied already. Open it anew for another adjustment."
    assert adjustments(mug) == [(-3, "adjustment")]


@pytest.mark.parametrize("missing", ["once", "expected_quantity"])
def test_a_form_without_its_hidden_fields_changes_nothing(admin_client, mug, missing):
    form = filled_in(admin_client.get(page_of(mug, "adjust")), ADJUSTMENT, quantity_delta=-3)
    del form[missing]
    assert missing in errors_on(admin_client.post(page_of(mug, "adjust"), form))
    assert adjustments(mug) == []


def test_adjusting_and_counting_have_permissions_of_their_own(mug):
    viewer = staff("view_stocklevel")
    assert "/adjust/" not in text_of(viewer.get(page_of(mug)))
    assert viewer.get(page_of(mug, "adjust")).status_code == 403
    assert viewer.post(page_of(mug, "adjust"), {"quantity_delta": 1}).status_code == 403


def test_who_may_adjust_but_not_count_is_not_asked_for_a_count(mug):
    clerk = staff("view_stocklevel", "adjust_stock")
    assert "/adjust/" in text_of(clerk.get(page_of(mug)))
    form = filled_in(clerk.get(page_of(mug, "adjust")), ADJUSTMENT)
    assert "quantity" not in form
    answer = clerk.post(page_of(mug, "adjust"), form | {"quantity": 1})
    assert errors_on(answer)["__all__"]
    clerk.post(page_of(mug, "adjust"), form | {"quantity_delta": 2})
    assert mug.movements.latest("sequence").actor == "clerk"
    assert adjustments(mug) == [(2, "adjustment")]


@pytest.mark.parametrize("nobody", ["0190a0a0-0000-7000-8000-000000000000", "nonsense"])
def test_there_is_nothing_to_adjust_where_there_is_no_level(admin_client, nobody):
    assert admin_client.get(f"{LEVELS}{nobody}/adjust/").status_code == 404


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
    forms = [
        filled_in(client.get(page_of(level, "adjust")), ADJUSTMENT, quantity_delta=-1)
        for client in clients
    ]
    chosen = [forms[0], forms[0] if is_same_form else forms[1]]
    answers = race(
        lambda n: clients[n].post(page_of(level, "adjust"), chosen[n]).status_code, workers=2
    )
    assert set(answers) <= {200, 302}
    assert 302 in answers
    assert len(adjustments(level)) == applied


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_stock_that_somebody_else_holds_is_a_sentence_and_not_an_error_page(admin_client):
    Location.objects.default()
    level = StockLevelFactory(on_hand=7)
    form = filled_in(admin_client.get(page_of(level, "adjust")), ADJUSTMENT, quantity_delta=-1)
    other = connection.copy()
    try:
        with other.cursor() as holder, connection.cursor() as mine:
            holder.execute("BEGIN")
            holder.execute("SELECT 1 FROM inventory_stocklevel FOR UPDATE")
            mine.execute("SET lock_timeout = '100ms'")
            answer = admin_client.post(page_of(level, "adjust"), form)
            mine.execute("RESET lock_timeout")
    finally:
        other.close()
    (sentence,) = errors_on(answer)["__all__"]
    assert "Somebody else is changing this right now" in sentence
    assert adjustments(level) == []
