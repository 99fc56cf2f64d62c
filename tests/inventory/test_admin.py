"""Stock in the back office."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from common.events.models import Event
from common.idempotency.models import IdempotencyRecord
from inventory import operations
from inventory.models import Location, StockLevel, StockMovement, Transfer
from inventory.rules import Change
from products.operations import delete_product
from tests.back_office import errors_on, filled_in, send, text_of, told
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.racing import race

pytestmark = pytest.mark.django_db

LEVELS = "/admin/inventory/stocklevel/"
MOVEMENTS = "/admin/inventory/stockmovement/"
TRANSFERS = "/admin/inventory/transfer/"
LOCATIONS = "/admin/inventory/location/"
ADJUSTMENT = "adjustment"
SETTINGS = "stocklevel_form"


def page_of(level: StockLevel, action: str = "change") -> str:
    return reverse(f"admin:inventory_stocklevel_{action}", args=[level.pk])


def moved(level: StockLevel, *deltas: int, reference: str = "") -> None:
    """Change a stock level by some units, one movement each."""
    for delta in deltas:
        change = Change(
            product_id=level.product_id,
            delta=delta,
            location=level.location.code,
            reference=reference,
        )
        operations.adjust_stock(changes=[change])


def skus(page) -> list[str]:
    text_of(page)
    return [row.product.sku for row in page.context["cl"].result_list]


def adjustments(level: StockLevel) -> list[tuple[int, str]]:
    """What was done to a level after it was opened."""
    rows = level.movements.order_by("sequence").filter(sequence__gt=1)
    return list(rows.values_list("delta", "reason"))


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=7)


@pytest.fixture
def staff():
    """Somebody who may look at stock, and do what is named."""

    def make(*more: str) -> Client:
        user = User.objects.create_user("clerk", is_staff=True)
        views = ["view_stocklevel", "view_stockmovement", "view_transfer", "view_location"]
        user.user_permissions.add(*Permission.objects.filter(codename__in=[*views, *more]))
        client = Client()
        client.force_login(user)
        return client

    return make


# The list of stock levels


def test_the_list_shows_figures_and_why_they_are_coloured(admin_client):
    StockLevelFactory(product__sku="LOW", on_hand=5, reserved=2, reorder_point=3)
    StockLevelFactory(product__sku="OUT", on_hand=2, reserved=2)
    StockLevelFactory(product__sku="WELL", on_hand=9, reorder_point=3)
    page = text_of(admin_client.get(LEVELS))
    assert re.search(r'so-low" title="Low: the reorder point is 3">3<', page)
    assert re.search(r'so-out" title="Out: 2 on hand, 2 of them reserved">0<', page)
    assert re.search(r'so-figure">9<', page)


def test_filters_and_search_of_stock_levels(admin_client):
    StockLevelFactory(product__sku="LOW", on_hand=2, reorder_point=2)
    StockLevelFactory(product__sku="OUT", product__barcode="4006381333931")
    outlet = LocationFactory(code="outlet")
    StockLevelFactory(product__sku="WELL", product__name="Ink well", on_hand=9, location=outlet)

    def listed(query):
        return skus(admin_client.get(f"{LEVELS}?{query}"))

    assert listed("") == ["LOW", "OUT", "WELL"]
    assert listed("stock=low") == ["LOW"]
    assert listed("stock=out") == ["OUT"]
    assert listed("stock=in") == ["LOW", "WELL"]
    assert listed(f"location__id__exact={outlet.pk}") == ["WELL"]
    assert listed("q=lo") == ["LOW"]
    assert listed("q=4006381333931") == ["OUT"]
    assert listed("q=ink") == ["WELL"]


def test_the_stock_of_deleted_products_is_shown_when_asked_for(admin_client, mug):
    delete_product(product_id=mug.product_id)
    assert skus(admin_client.get(LEVELS)) == []
    assert skus(admin_client.get(f"{LEVELS}?deleted=yes")) == ["MUG"]
    assert skus(admin_client.get(f"{LEVELS}?deleted=yes&q=mug")) == ["MUG"]


@pytest.mark.parametrize("address", [LEVELS, MOVEMENTS, TRANSFERS])
def test_lists_take_as_many_queries_for_many_rows_as_for_few(
    admin_client, django_assert_max_num_queries, address
):
    LocationFactory(code="outlet")

    def add(count):
        for _ in range(count):
            level = StockLevelFactory(on_hand=2)
            operations.transfer_stock(
                product_id=level.product_id,
                from_location="main",
                to_location="outlet",
                quantity=1,
            )

    add(5)
    admin_client.get(address)
    with django_assert_max_num_queries(7) as few:
        assert len(skus(admin_client.get(address))) in (5, 10, 15)
    add(11)
    with django_assert_max_num_queries(len(few)):
        assert len(skus(admin_client.get(address))) in (16, 32, 48)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (LEVELS, "A product is listed here for each location"),
        (MOVEMENTS, "Every change of stock will be listed here"),
        (TRANSFERS, "Stock that is moved between two locations"),
    ],
)
def test_empty_lists_say_what_will_be_there(admin_client, address, sentence):
    assert sentence in text_of(admin_client.get(address))


# A stock level's page


def test_figures_cannot_be_written_by_the_form(admin_client, mug):
    form = filled_in(admin_client.get(page_of(mug)), SETTINGS)
    forged = {"on_hand": 999, "reserved": 5, "available": 1, "location": "x", "reorder_point": 4}
    admin_client.post(page_of(mug), form | forged)
    mug.refresh_from_db()
    assert (mug.on_hand, mug.reserved, mug.reorder_point) == (7, 0, 4)
    assert adjustments(mug) == []


def test_reorder_settings_are_set_by_the_operation(admin_client, mug):
    send(admin_client, page_of(mug), SETTINGS, reorder_point=5, reorder_quantity=24, safety_stock=2)
    mug.refresh_from_db()
    assert (mug.reorder_point, mug.reorder_quantity, mug.safety_stock) == (5, 24, 2)
    event = Event.objects.filter(type="stock.changed").latest("id")
    assert (event.actor, event.data["after"]["reorder_point"]) == ("admin", 5)


def test_two_people_who_change_different_settings_both_get_their_way(admin_client, mug):
    mine = filled_in(admin_client.get(page_of(mug)), SETTINGS, reorder_point=5)
    theirs = filled_in(admin_client.get(page_of(mug)), SETTINGS, safety_stock=2)
    moved(mug, -1)  # a sale in between is no obstacle
    admin_client.post(page_of(mug), theirs)
    admin_client.post(page_of(mug), mine)
    mug.refresh_from_db()
    assert (mug.reorder_point, mug.safety_stock) == (5, 2)


@pytest.mark.parametrize("nonsense", ["-1", "1.5", "x", "1000000001"])
def test_a_setting_that_is_no_quantity_is_refused_on_the_form(admin_client, mug, nonsense):
    answer = send(admin_client, page_of(mug), SETTINGS, reorder_point=nonsense)
    assert errors_on(answer).keys() == {"reorder_point"}


def test_levels_are_never_deleted_and_those_of_deleted_products_only_read(admin_client, mug):
    form = filled_in(admin_client.get(page_of(mug)), SETTINGS, reorder_point=5)
    assert admin_client.post(page_of(mug, "delete"), {"post": "yes"}).status_code == 403
    delete_product(product_id=mug.product_id)
    page = text_of(admin_client.get(page_of(mug)))
    assert "/adjust/" not in page
    assert admin_client.post(page_of(mug), form).status_code == 403
    assert admin_client.get(page_of(mug, "adjust")).status_code == 403


def test_a_product_gets_its_first_stock_by_the_operation(admin_client):
    product = ProductFactory(sku="MUG")
    address = f"{LEVELS}add/?product={product.pk}"
    page = admin_client.get(address)
    assert str(Location.objects.default().pk) == filled_in(page, SETTINGS)["location"]
    send(admin_client, address, SETTINGS, quantity=12)
    movement = StockMovement.objects.get()
    assert (movement.delta, movement.reason, movement.actor) == (12, "receipt", "admin")


def test_a_level_that_exists_is_refused_on_the_form(admin_client, mug):
    answer = send(admin_client, f"{LEVELS}add/?product={mug.product_id}", SETTINGS, quantity=1)
    assert errors_on(answer) == {"__all__": ["MUG has a stock level at main already; change that."]}
    assert StockLevel.objects.count() == 1


def test_the_page_shows_the_latest_movements_and_leads_to_all(admin_client, mug):
    moved(mug, *[1] * 24)
    page = admin_client.get(page_of(mug))
    (table,) = page.context["inline_admin_formsets"]
    shown = [form.original.sequence for form in table]
    assert shown == list(range(25, 5, -1))
    assert f"{MOVEMENTS}?stock_level__id__exact={mug.pk}" in text_of(page)
    everything = admin_client.get(f"{MOVEMENTS}?stock_level__id__exact={mug.pk}")
    assert len(skus(everything)) == 25


def test_a_product_page_shows_movements_at_all_its_locations(admin_client, mug):
    LocationFactory(code="outlet", name="Outlet")
    operations.transfer_stock(
        sku="MUG", from_location="main", to_location="outlet", quantity=2, reference="T-1"
    )
    page = text_of(admin_client.get(f"/admin/products/product/{mug.product_id}/change/"))
    assert page.count("T-1") == 2
    assert "Outlet" in page
    assert f"{MOVEMENTS}?product__id__exact={mug.product_id}" in page


# Adjusting stock


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
    assert errors_on(answer) == {
        "__all__": ["You saw 7; it is 5 now. Look again and decide anew."]
    }
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


def test_adjusting_and_counting_have_permissions_of_their_own(staff, mug):
    viewer = staff()
    assert "/adjust/" not in text_of(viewer.get(page_of(mug)))
    assert viewer.get(page_of(mug, "adjust")).status_code == 403
    assert viewer.post(page_of(mug, "adjust"), {"quantity_delta": 1}).status_code == 403


def test_who_may_adjust_but_not_count_is_not_asked_for_a_count(staff, mug):
    clerk = staff("adjust_stock")
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


# Movements and transfers


def test_movements_are_found_by_product_reference_reason_location_and_day(admin_client, mug):
    pen = StockLevelFactory(product__sku="PEN", location=LocationFactory(code="outlet"), on_hand=1)
    moved(mug, -1, reference="ORDER-1")

    def listed(query):
        return skus(admin_client.get(f"{MOVEMENTS}?{query}"))

    assert listed("") == ["MUG", "PEN", "MUG"]
    assert listed("q=pe") == ["PEN"]
    assert listed("q=ORDER-1") == ["MUG"]
    assert listed("q=ORDER") == []
    assert listed("reason__exact=sale") == ["MUG"]
    assert listed(f"location__id__exact={pen.location_id}") == ["PEN"]
    tomorrow = pen.created_at + timedelta(days=1)
    assert listed(f"created_at__gte={tomorrow:%Y-%m-%d}T00:00:00%2B00:00") == []
    assert "Past 7 days" in text_of(admin_client.get(MOVEMENTS))


@pytest.mark.parametrize("model", [StockMovement, Transfer])
def test_the_ledger_can_be_read_and_nothing_else(admin_client, mug, model):
    LocationFactory(code="outlet")
    operations.transfer_stock(
        sku="MUG", from_location="main", to_location="outlet", quantity=2, reference="T-1"
    )
    row = model.objects.latest("id")
    address = f"/admin/inventory/{model._meta.model_name}/"
    page = text_of(admin_client.get(f"{address}{row.pk}/change/"))
    assert f"/admin/products/product/{mug.product_id}/change/" in page
    assert "T-1" in page
    assert admin_client.get(f"{address}add/").status_code == 403
    for action in ("change", "delete"):
        answer = admin_client.post(f"{address}{row.pk}/{action}/", {"post": "yes"})
        assert answer.status_code == 403


def test_a_movement_leads_to_its_level_transfer_and_original(admin_client, mug):
    LocationFactory(code="outlet")
    transfer = operations.transfer_stock(
        sku="MUG", from_location="main", to_location="outlet", quantity=2
    )
    leg = transfer.movements.first()
    page = text_of(admin_client.get(f"{MOVEMENTS}{leg.pk}/change/"))
    assert page_of(leg.stock_level) in page
    assert f"{TRANSFERS}{transfer.pk}/change/" in page
    moved(mug, -1)
    sale = mug.movements.latest("sequence")
    opposite = operations.reverse_movement(movement_id=sale.pk)
    page = text_of(admin_client.get(f"{MOVEMENTS}{opposite.pk}/change/"))
    assert f"{MOVEMENTS}{sale.pk}/change/" in page


def test_transfers_are_found_by_product_and_reference(admin_client, mug):
    LocationFactory(code="outlet")
    for reference in ("T-1", "T-2"):
        operations.transfer_stock(
            sku="MUG", from_location="main", to_location="outlet", quantity=1, reference=reference
        )
    assert skus(admin_client.get(f"{TRANSFERS}?q=mug")) == ["MUG", "MUG"]
    assert skus(admin_client.get(f"{TRANSFERS}?q=T-2")) == ["MUG"]


# Locations


def test_locations_are_added_changed_and_deleted_by_operations(admin_client):
    send(admin_client, f"{LOCATIONS}add/", "location_form", code="Outlet", name="Outlet store")
    outlet = Location.objects.get(code="outlet")
    address = f"{LOCATIONS}{outlet.pk}"
    send(admin_client, f"{address}/change/", "location_form", priority=5)
    outlet.refresh_from_db()
    assert (outlet.name, outlet.priority, outlet.is_active) == ("Outlet store", 5, True)
    admin_client.post(f"{address}/delete/", {"post": "yes"})
    assert not Location.objects.filter(code="outlet").exists()


def test_a_taken_code_is_a_sentence_at_the_code(admin_client):
    answer = send(admin_client, f"{LOCATIONS}add/", "location_form", code="MAIN", name="Another")
    assert errors_on(answer) == {"code": ["The code 'main' is taken."]}


def test_the_default_location_and_one_with_stock_stay(admin_client):
    used = StockLevelFactory(location=LocationFactory(code="used")).location
    for location in (Location.objects.default(), used):
        address = f"{LOCATIONS}{location.pk}/delete/"
        answer = admin_client.post(address, {"post": "yes"}, follow=True)
        assert "deactivate it instead" in told(answer)[0]
    assert Location.objects.count() == 2


def test_the_default_location_stays_active(admin_client):
    main = Location.objects.default()
    form = filled_in(admin_client.get(f"{LOCATIONS}{main.pk}/change/"), "location_form")
    del form["is_active"]
    answer = admin_client.post(f"{LOCATIONS}{main.pk}/change/", form)
    assert errors_on(answer) == {
        "__all__": ["The default location keeps its code and stays active."]
    }
