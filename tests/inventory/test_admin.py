"""Stock levels and locations in the back office."""

from __future__ import annotations

import re

import pytest

from common.events.models import Event
from inventory import operations
from inventory.models import Location, StockLevel, StockMovement
from products.operations import delete_product
from tests.back_office import errors_on, filled_in, page_of, send, text_of, told
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.stock_pages import LEVELS, MOVEMENTS, TRANSFERS, adjustments, moved, skus

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

LOCATIONS = "/admin/inventory/location/"
SETTINGS = "stocklevel_form"


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", product__name="Mug", on_hand=7)


# The list of stock levels


def test_the_list_shows_figures_and_why_they_are_coloured(admin_client):
    StockLevelFactory(product__sku="LOW", on_hand=5, reserved=2, reorder_point=3)
    StockLevelFactory(product__sku="OUT", on_hand=2, reserved=2)
    StockLevelFactory(product__sku="WELL", on_hand=9, reorder_point=3)
    page = text_of(admin_client.get(LEVELS))
    assert re.search(r'so-low" title="Low: the reorder point is 3">3<', page)
    assert re.search(r'so-out" title="Out: 2 on hand, 2 of them reserved">0<', page)
    assert re.search(r'so-figure">9<', page)


def test_the_list_shows_pictures(admin_client):
    StockLevelFactory(product__images=["https://images.example/a.jpg"])
    assert '<img src="https://images.example/a.jpg"' in text_of(admin_client.get(LEVELS))


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
    assert listed("q=ink") == ["WELL"]


def test_who_scans_a_code_is_led_to_the_only_level_or_shown_all_of_them(admin_client):
    pen = StockLevelFactory(product__sku="PEN", product__barcode="4006381333931")
    answer = admin_client.get(f"{LEVELS}?q=4006381333931")
    assert (answer.status_code, answer.headers.get("Location")) == (302, page_of(pen))
    StockLevelFactory(product=pen.product, location=LocationFactory())
    assert skus(admin_client.get(f"{LEVELS}?q=4006381333931")) == ["PEN", "PEN"]


def test_a_level_in_the_list_shows_its_last_movement(admin_client, mug):
    moved(mug, 5, -3)
    page = text_of(admin_client.get(LEVELS))
    assert re.search(r"so-less\">−3</span> Sale<", page)
    assert "Receipt<" not in page


def test_the_stock_of_deleted_products_is_shown_when_asked_for(admin_client, mug):
    delete_product(product_id=mug.product_id)
    assert skus(admin_client.get(LEVELS)) == []
    assert skus(admin_client.get(f"{LEVELS}?deleted=yes")) == ["MUG"]
    assert skus(admin_client.get(f"{LEVELS}?deleted=yes&q=mu")) == ["MUG"]


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
    with django_assert_max_num_queries(9) as few:
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
    assert (event.actor, event.data["reason"]) == ("admin", "settings")
    assert (event.data["before"], event.data["after"], event.data["movement_id"]) == (7, 7, None)
    assert event.data["settings"]["after"]["reorder_point"] == 5


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


def test_a_product_gets_its_first_stock_by_the_operation(admin_client):
    product = ProductFactory(sku="MUG")
    address = f"{LEVELS}add/?product={product.pk}"
    page = admin_client.get(address)
    assert str(Location.objects.default().pk) == filled_in(page, SETTINGS)["location"]
    send(admin_client, address, SETTINGS, quantity=12)
    movement = StockMovement.objects.get()
    assert (movement.delta, movement.reason, movement.actor) == (12, "receipt", "admin")


def test_another_location_is_one_where_the_product_is_not_yet(admin_client, mug):
    outlet, _closed = LocationFactory(code="outlet"), LocationFactory(code="shut", is_active=False)
    address = f"{LEVELS}add/?product={mug.product_id}"
    form = admin_client.get(address).context["adminform"].form
    assert list(form.fields["location"].queryset) == [outlet]
    send(admin_client, address, SETTINGS, quantity=3)
    assert StockLevel.objects.get(location=outlet).on_hand == 3
    assert "stocked at every active location already" in text_of(admin_client.get(address))


def test_a_level_that_exists_is_refused_on_the_form(admin_client, mug):
    address = f"{LEVELS}add/?product={mug.product_id}"
    answer = send(admin_client, address, SETTINGS, quantity=1, location=mug.location_id)
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
    assert errors_on(answer) == {"code": ["This code is taken."]}


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
