"""What was in the two former databases is here afterwards, once, and nothing else is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction

from common.events.models import Event
from inventory.management.legacy import importing
from inventory.management.legacy.ids import NAMESPACE
from inventory.models import StockLevel, StockMovement
from inventory.operations import adjust_stock
from inventory.rules import Change
from products.models import Product
from products.operations import change_product, delete_product
from products.rules import sku_made_from
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.legacy import (
    LAMP,
    MUG,
    Legacy,
    as_lines,
    figures,
    product,
    stock,
    tables,
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def legacy(tmp_path) -> Legacy:
    return Legacy(tmp_path)


# What is taken over


def test_a_product_keeps_its_id_its_facts_and_its_stamps(legacy, client):
    legacy.run([product()])
    data = client.get(f"/api/v1/products/{MUG}").json()["data"]
    attributes = data["attributes"]
    assert data["id"] == MUG
    assert attributes["sku"] == sku_made_from(UUID(MUG))
    assert {name: attributes[name] for name in ("name", "description", "price", "images")} == {
        "name": "Mug",
        "description": "Holds tea",
        "price": "9.99",
        "images": ["https://example.com/mug.jpg"],
    }
    assert attributes["created_at"] == "2023-01-02T03:04:05.678000Z"
    assert attributes["updated_at"] == "2024-01-02T03:04:05.678000Z"
    assert (attributes["status"], attributes["version"]) == ("active", 1)


def test_opening_stock_is_movement_one(legacy, client):
    legacy.run([product()], [stock()])
    attributes = client.get(f"/api/v1/inventory/{MUG}").json()["data"]["attributes"]
    assert (attributes["quantity"], attributes["available"]) == (7, 7)
    assert attributes["last_updated"] == "2024-03-04T05:06:07.089000Z"
    movement = StockMovement.objects.get()
    assert (movement.sequence, movement.delta, movement.on_hand_after) == (1, 7, 7)
    assert (movement.reason, movement.actor) == ("receipt", "import_legacy")
    assert movement.created_at == datetime(2024, 3, 4, 5, 6, 7, 89000, tzinfo=UTC)
    assert movement.request_id


def test_stock_is_opened_as_the_operation_does_it(legacy):
    legacy.run([product()], [stock()])
    ours = StockLevelFactory(on_hand=7)
    imported = StockLevel.objects.get(product=MUG)
    for column in ("on_hand", "reserved", "available", "movement_count", "version", "safety_stock",
                   "reorder_point", "reorder_quantity", "location_id"):  # fmt: skip
        assert getattr(imported, column) == getattr(ours, column)
    of_ours, of_imported = ours.movements.get(), imported.movements.get()
    for column in ("sequence", "delta", "on_hand_after", "reason", "reference", "note"):
        assert getattr(of_imported, column) == getattr(of_ours, column)


def test_no_units_are_a_stock_level_without_a_movement(legacy):
    legacy.run([product()], [stock(quantity=0)])
    level = StockLevel.objects.get()
    assert (level.on_hand, level.movement_count, level.version) == (0, 0, 1)
    assert not StockMovement.objects.exists()


def test_a_product_without_a_line_has_no_inventory(legacy, client):
    legacy.run([product()])
    assert client.get(f"/api/v1/inventory/{MUG}").status_code == 404


def test_stock_is_sold_and_counted_on_from_there(legacy):
    legacy.run([product()], [stock()])
    adjust_stock(changes=[Change(UUID(MUG), delta=-2)])
    level = StockLevel.objects.get()
    assert (level.on_hand, level.movement_count) == (5, 2)
    call_command("verify_stock", stdout=StringIO(), stderr=StringIO())


def test_stock_goes_where_it_is_said_to_be(legacy):
    LocationFactory(code="depot")
    legacy.run([product()], [stock()], location="depot")
    assert StockLevel.objects.get().location.code == "depot"
    with pytest.raises(CommandError, match="no location 'nowhere'"):
        legacy.run([product()], [stock()], location="nowhere")


def test_stock_is_not_opened_a_second_time_elsewhere(legacy):
    LocationFactory(code="depot")
    legacy.run([product()], [stock()])
    before = tables()
    outcome = legacy.run([product()], [stock()], location="depot")
    assert tables() == before
    assert "inventory: 1 row, 0 new, 1 here already (0 of them different now)" in outcome.output


def test_old_facts_are_no_news(legacy):
    legacy.run([product()], [stock()])
    assert not Event.objects.exists()


def test_text_is_kept_as_the_api_keeps_it(legacy):
    odd = product(name="  Cafe\u0301 ", description="one\n\ttwo\r\nthree\rfour")
    outcome = legacy.run([odd, product(id=LAMP)])
    assert "1 product with text in tidier spelling" in outcome.output
    row = Product.objects.get(pk=MUG)
    assert (row.name, row.description) == ("Café", "one\n\ttwo\nthree\nfour")
    assert "tidier" not in legacy.run([product(id=LAMP)]).output


# Ids


def test_an_id_that_is_no_uuid_becomes_one_and_always_the_same(legacy):
    made = str(uuid5(NAMESPACE, "LEGACY-1"))
    assert made == "e5bb9f77-b6ee-5736-bfd5-7a70197436ce"
    outcome = legacy.run([product(id="LEGACY-1")], [stock(product_id="LEGACY-1")])
    assert outcome.mapping == [("LEGACY-1", made, "uuid5")]
    assert StockLevel.objects.get().product_id == UUID(made)


@pytest.mark.parametrize(
    "spelling", [MUG.replace("-", ""), f"{{{MUG}}}", f"urn:uuid:{MUG}", f" {MUG} "]
)
def test_a_uuid_in_another_spelling_is_kept_and_listed(legacy, spelling):
    outcome = legacy.run([product(id=spelling)], [stock(product_id=MUG)])
    assert outcome.mapping == [(spelling, MUG, "respelled")]
    assert StockLevel.objects.get().product_id == UUID(MUG)


def test_letters_of_a_uuid_in_upper_case_are_listed_too(legacy, client):
    outcome = legacy.run([product(id=LAMP.upper())])
    assert outcome.mapping == [(LAMP.upper(), LAMP, "respelled")]
    assert client.get(f"/api/v1/products/{LAMP.upper()}").json()["data"]["id"] == LAMP


def test_ids_that_differ_in_case_alone_are_two_products(legacy):
    outcome = legacy.run([product(id="abc"), product(id="ABC")])
    assert Product.objects.count() == len(outcome.mapping) == 2


def test_of_two_rows_with_one_id_the_first_is_taken(legacy):
    outcome = legacy.run([product(), product(id=MUG.upper(), name="Other")])
    assert Product.objects.get().name == "Mug"
    assert outcome.reasons == [["id: A row before this one has the same id."]]
    assert outcome.mapping == []


def test_a_bad_row_does_not_stand_in_the_way_of_a_good_one(legacy):
    outcome = legacy.run([product(price=0), product()], [stock()])
    assert [reject["line"] for reject in outcome.rejects] == [1]
    assert StockLevel.objects.get().on_hand == 7


def test_a_sku_that_is_taken_makes_way_for_the_next(legacy):
    ProductFactory(sku=sku_made_from(UUID(MUG)))
    legacy.run([product(), product(id=LAMP)])
    assert Product.objects.get(pk=MUG).sku == sku_made_from(UUID(MUG), 1)
    assert Product.objects.get(pk=LAMP).sku == sku_made_from(UUID(LAMP))


# Rejects


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"id": ""}, "id: This field may not be blank."),
        ({"id": None}, "id: This field may not be null."),
        ({"id": "a\0b"}, "id: Control characters other than newline and tab are not allowed."),
        ({"name": "  "}, "name: This field may not be blank."),
        ({"name": "n" * 256}, "name: Ensure this field has no more than 255 characters."),
        ({"description": None}, "description: This field may not be null."),
        ({"price": None}, "price: This field may not be null."),
        ({"price": 0}, "price: Ensure this value is greater than or equal to 0.01."),
        ({"price": "9.999"}, "price: More than two decimals."),
        ({"price": "cheap"}, "price: A valid number is required."),
        ({"images": ["mug.jpg"]}, "images: (1) An image is an http or https URL."),
        (
            {"images": ["https://example.com/a mug.jpg"]},
            "images: (1) An image is a URL without spaces, of at most 2048 characters.",
        ),
        ({"images": "mug.jpg"}, "images: Neither a PostgreSQL array nor a JSON list."),
        ({"images": [None]}, "images: (1) This field may not be null."),
        ({"created_at": "2023-02-30"}, "created_at: Not a date and time."),
        ({"updated_at": "infinity"}, "updated_at: Not a date and time."),
        ({"updated_at": "2999-01-01"}, "updated_at: In the future."),
    ],
)
def test_a_product_that_breaks_a_rule_is_rejected_with_the_reason(legacy, fault, reason):
    row = product(**fault)
    outcome = legacy.run([row])
    assert not Product.objects.exists()
    assert outcome.rejects == [{"source": "products", "line": 1, "reasons": [reason], "row": row}]
    assert "0 new" in outcome.output
    assert reason in outcome.output


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"product_id": None}, "product_id: This field may not be null."),
        ({"product_id": LAMP}, "product_id: There is no such product."),
        ({"quantity": -1}, "quantity: Must be at least 0."),
        ({"quantity": 2.5}, "quantity: Send a whole number."),
        ({"quantity": "12"}, "quantity: Send a whole number."),
        ({"quantity": True}, "quantity: Send a whole number."),
        ({"quantity": None}, "quantity: This field may not be null."),
        ({"quantity": {"$numberLong": "1000000001"}}, "quantity: Must be at most 1000000000."),
        ({"quantity": {"$numberDouble": "NaN"}}, "quantity: Send a whole number."),
        ({"last_updated": None}, "last_updated: Not a date and time."),
        ({"last_updated": {"$date": "2999-01-01T00:00:00Z"}}, "last_updated: In the future."),
        ({"last_updated": {"$date": {"$numberLong": "-1"}}}, "last_updated: Before 1970."),
    ],
)
def test_stock_that_breaks_a_rule_is_rejected_with_the_reason(legacy, fault, reason):
    row = stock(**fault)
    outcome = legacy.run([product()], [row])
    assert not StockLevel.objects.exists()
    assert outcome.rejects == [{"source": "inventory", "line": 1, "reasons": [reason], "row": row}]


@pytest.mark.parametrize("number", ["1e999999999", "-1e999999999", "1e-999999999", "9" * 4_000])
def test_numbers_beyond_all_measure_are_rejected(legacy, number):
    of_product = json.dumps(product(price="?")).replace('"?"', number)
    of_stock = json.dumps(stock(quantity="?")).replace('"?"', number)
    assert len(legacy.run([of_product], [of_stock]).rejects) == 2


def test_every_reason_is_told_not_only_the_first(legacy):
    outcome = legacy.run([product(name="", price=-1)])
    assert [reason.partition(":")[0] for reason in outcome.reasons[0]] == ["name", "price"]


@pytest.mark.parametrize("legacy_id", [MUG, str(UUID(int=0)), "old"])
@pytest.mark.parametrize("fault", [{"price": 0}, {"created_at": "2999-01-01"}])
def test_stock_of_a_rejected_product_says_so(legacy, legacy_id, fault):
    outcome = legacy.run([product(id=legacy_id, **fault)], [stock(product_id=legacy_id)])
    assert outcome.reasons[1] == ["product_id: Its product was rejected."]


def test_a_second_line_of_a_product_is_rejected(legacy):
    outcome = legacy.run([product()], [stock(), stock(product_id=MUG.upper(), quantity=9)])
    assert StockLevel.objects.get().on_hand == 7
    assert outcome.reasons == [["product_id: A row before this one is of the same product."]]


def test_a_line_that_cannot_be_read_is_one_reject(legacy):
    outcome = legacy.run([product(), '{"id": "cut o', "[1]"], ["?", stock()])
    assert [(each["line"], each["row"]) for each in outcome.rejects] == [
        (2, '{"id": "cut o'), (3, [1]), (1, "?"),
    ]  # fmt: skip
    assert StockLevel.objects.get().on_hand == 7


def test_rejects_are_mended_in_their_file_and_read_again(legacy):
    legacy.run([product(price=0), product(id=LAMP, name="")], [stock(), stock(product_id=LAMP)])
    mended = legacy.rejects.read_text().replace('"price": 0', '"price": 5')
    path = legacy.write("mended.ndjson", mended)
    outcome = legacy.command(products=path, inventory=path)
    assert Product.objects.get().price == Decimal(5)
    assert StockLevel.objects.get().on_hand == 7
    assert [(each["source"], each["line"]) for each in outcome.rejects] == [
        ("products", 2), ("inventory", 4),
    ]  # fmt: skip


def test_strict_makes_an_exit_code_of_rejects(legacy):
    legacy.run([product()], strict=True)
    with pytest.raises(CommandError) as error:
        legacy.run([product(price=0), product(id=LAMP)], strict=True)
    assert error.value.returncode == 3
    assert Product.objects.count() == 2


# Rehearsal


def test_a_rehearsal_says_the_same_and_writes_no_row(legacy):
    rows = [product(), product(id="old"), product(id="bad", price=0)]
    lines = [stock(), stock(product_id="old"), stock(product_id="bad"), stock(product_id=LAMP)]
    before = tables()
    rehearsal = legacy.run(rows, lines, apply=False)
    assert tables() == before
    assert "nothing was written" in rehearsal.output
    assert "With --apply it would be" in rehearsal.output
    performance = legacy.run(rows, lines)
    assert tables() != before
    assert rehearsal.mapping == performance.mapping
    assert rehearsal.rejects == performance.rejects
    assert rehearsal.output.splitlines()[1:] == performance.output.splitlines()[1:]


def test_a_rehearsal_is_what_one_gets_without_asking(legacy):
    path = legacy.write("products.ndjson", "")
    with pytest.raises(CommandError, match="empty"):
        call_command("import_legacy", products=path, rejects=legacy.rejects, mapping=legacy.mapping)
    legacy.run([product()], apply=False)
    arguments = ["import_legacy", "--products", str(legacy.folder / "products.ndjson")]
    files = ["--mapping", str(legacy.mapping), "--rejects", str(legacy.rejects)]
    for flag in ([], ["--dry-run"]):
        call_command(*arguments, *files, *flag, stdout=StringIO())
    assert not Product.objects.exists()


# Again


@pytest.fixture(params=[1, 2, 2_000], ids="{}_at_once".format)
def at_once(request, monkeypatch):
    """Wherever the rows are cut into batches."""
    monkeypatch.setattr(importing, "BATCH", request.param)


def test_a_second_run_changes_nothing(legacy, at_once):
    rows = [product(), product(id="old"), product(id="old"), product(id=LAMP, price=0)]
    lines = [stock(), stock(product_id="old", quantity=0), stock(product_id=LAMP)]
    first = legacy.run(rows, lines)
    before = tables()
    second = legacy.run(rows, lines)
    assert tables() == before
    assert (second.mapping, second.rejects) == (first.mapping, first.rejects)
    assert "products: 4 rows, 2 new, 0 here already" in first.output
    assert "products: 4 rows, 0 new, 2 here already (0 of them different now)" in second.output
    assert "inventory: 3 rows, 0 new, 2 here already (0 of them different now)" in second.output


def test_what_people_changed_since_is_left_as_it_is(legacy):
    legacy.run([product(), product(id=LAMP)], [stock(), stock(product_id=LAMP)])
    change_product(product_id=UUID(MUG), changes={"name": "Cup"})
    adjust_stock(changes=[Change(UUID(MUG), delta=-7)])
    delete_product(product_id=UUID(LAMP))
    before = tables()
    outcome = legacy.run([product(), product(id=LAMP)], [stock(), stock(product_id=LAMP)])
    assert tables() == before
    assert "products: 2 rows, 0 new, 2 here already (1 of them different now)" in outcome.output
    assert "inventory: 2 rows, 0 new, 2 here already (1 of them different now)" in outcome.output
    assert outcome.rejects == []


def test_a_deleted_product_gets_no_stock(legacy):
    legacy.run([product()])
    delete_product(product_id=UUID(MUG))
    outcome = legacy.run([product()], [stock()])
    assert outcome.reasons == [["product_id: Its product has been deleted here."]]
    assert not StockLevel.objects.exists()


def test_stock_alone_is_for_products_that_are_here(legacy):
    legacy.run([product()])
    outcome = legacy.run(inventory=[stock(), stock(product_id=LAMP)])
    assert StockLevel.objects.get().on_hand == 7
    assert outcome.reasons == [["product_id: There is no such product."]]


def test_a_run_that_was_cut_short_is_completed_by_the_next(legacy, monkeypatch):
    rows = [product(id=f"P-{number}") for number in range(6)]
    lines = [stock(product_id=f"P-{number}", quantity=number) for number in range(6)]
    monkeypatch.setattr(importing, "BATCH", 2)
    for write in ("import_products", "open_imported"):
        with monkeypatch.context() as patch:
            patch.setattr(importing, write, failing_at_the_third(getattr(importing, write)))
            with pytest.raises(ZeroDivisionError):
                legacy.run(rows, lines)
        assert not legacy.mapping.exists()
    assert (Product.objects.count(), StockLevel.objects.count()) == (6, 4)
    legacy.run(rows, lines)
    after_all = figures()
    assert [len(rows) for rows in after_all] == [6, 6, 5]
    assert legacy.run(rows, lines).rejects == []
    assert figures() == after_all


def failing_at_the_third(write):
    calls = []

    def cut(**arguments):
        calls.append(arguments)
        return write(**arguments) if len(calls) < 3 else 1 // 0

    return cut


# Words and figures


def test_it_needs_something_to_read(legacy):
    with pytest.raises(CommandError, match="--products-dsn or --products, --inventory"):
        legacy.run()
    with pytest.raises(CommandError, match="not both"):
        legacy.command(products="-", inventory="-")
    with pytest.raises(CommandError, match="need a file each"):
        legacy.run([product()], mapping=legacy.rejects)


@pytest.mark.parametrize("output", ["mapping", "rejects"])
@pytest.mark.parametrize("source", ["products", "inventory"])
@pytest.mark.parametrize("way", ["same", "relative", "symbolic", "hard", "part", "dangling"])
def test_no_dump_is_overwritten(legacy, output, source, way):
    dump = legacy.folder / "dump.ndjson"
    dump.write_text(as_lines([product()]))
    link = legacy.folder / "link"
    match way:
        case "symbolic":
            link.symlink_to(dump)
        case "hard":
            link.hardlink_to(dump)
        case "part":
            dump = dump.rename(legacy.folder / "link.part")
        case "dangling":
            dump.unlink()
            link.symlink_to(dump)
        case "relative":
            link = legacy.folder / ".." / legacy.folder.name / dump.name
        case "same":
            link = dump
    with pytest.raises(CommandError, match=f"--{output} would take the place of a dump"):
        legacy.command(**{source: str(dump), output: link})
    assert way == "dangling" or dump.read_text() == as_lines([product()])


def test_two_outputs_are_two_files_whatever_they_are_called(legacy):
    legacy.mapping.symlink_to(legacy.rejects)
    with pytest.raises(CommandError, match="need a file each"):
        legacy.run([product()])


def test_a_file_that_is_missing_is_told_before_anything_is_imported(legacy):
    path = legacy.write("products.ndjson", as_lines([product()]))
    with pytest.raises(CommandError, match=r"^none: No such file or directory$"):
        legacy.command(products=path, inventory="none")
    assert not Product.objects.exists()


@pytest.mark.parametrize("output", ["mapping", "rejects"])
def test_a_file_that_cannot_be_written_goes_by_the_name_that_was_typed(legacy, output):
    with pytest.raises(CommandError, match=f"^--{output}: there is no folder nowhere$"):
        legacy.run([product()], **{output: Path("nowhere/out")})
    with pytest.raises(CommandError, match=f"^--{output} needs a file, and .* is a folder"):
        legacy.run([product()], **{output: legacy.folder})
    (legacy.folder / "out.part").mkdir()
    with pytest.raises(CommandError, match=r"/out: Is a directory$"):
        legacy.run([product()], **{output: legacy.folder / "out"})
    assert not Product.objects.exists()


def test_an_empty_collection_is_no_stock(legacy):
    lines = legacy.write("products.ndjson", as_lines([product()]))
    outcome = legacy.command(products=lines, inventory=legacy.write("inventory.ndjson", b""))
    assert Product.objects.exists()
    assert "inventory: 0 rows, 0 new" in outcome.output


@pytest.mark.parametrize(
    ("count", "ids", "rows"), [(1, "1 id", "1 row was"), (2, "2 ids", "2 rows were")]
)
def test_one_is_not_spoken_of_as_many(legacy, count, ids, rows):
    good = [product(id=f"old-{number}") for number in range(count)]
    bad = [product(id=f"bad-{number}", price=0) for number in range(count)]
    outcome = legacy.run(good + bad, [stock(quantity=-1)] * count, apply=False, strict=False)
    assert f"{ids} changed" in outcome.output
    assert f"inventory: {rows.rpartition(' ')[0]}, 0 new" in outcome.output
    lines = legacy.run(good[:0] + bad, apply=False).output
    assert f"{rows} rejected" in lines


def test_a_database_that_is_not_migrated_is_told_in_a_sentence(legacy):
    migrate = r"^Stockroom's own database .* migrate first"
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE inventory_location RENAME TO elsewhere")
        with pytest.raises(CommandError, match=migrate):
            legacy.run([product()])
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("is_applied", "advice"),
    [(True, "Run it again: it goes on where it stopped."), (False, "Nothing was written")],
)
def test_who_interrupts_it_is_told_that_it_can_be_run_again(
    legacy, monkeypatch, is_applied, advice
):
    def interrupt(*_products, **_named):
        raise KeyboardInterrupt

    for name in ("import_products", "compared"):
        monkeypatch.setattr(importing, name, interrupt)
    with pytest.raises(CommandError, match=f"^Interrupted. {advice}") as error:
        legacy.run([product()], apply=is_applied)
    assert error.value.returncode == 130


def test_figures_of_stock_that_are_wrong_end_it_with_an_error(legacy):
    level = StockLevelFactory(on_hand=3)
    StockLevel.objects.filter(pk=level.pk).update(on_hand=4)
    with pytest.raises(CommandError, match="1 figure of stock differs"):
        legacy.run([product()])
    assert legacy.run([product()], apply=False).rejects == []


def test_statistics_are_fresh_at_the_end(legacy):
    def estimates() -> list[float]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples FROM pg_class WHERE oid = ANY (%s::regclass[]) ORDER BY relname",
                [list(importing.WRITTEN)],
            )
            return [count for (count,) in cursor]

    rows = [product(id=f"P-{number}") for number in range(30)]
    before = estimates()
    legacy.run(rows, [stock(product_id="P-1")], apply=False)
    assert estimates() == before
    outcome = legacy.run(rows, [stock(product_id="P-1")])
    assert estimates() == [1, 1, 30]
    assert "ANALYZE" not in outcome.output


def test_a_role_that_may_not_analyse_is_told_who_may(legacy, monkeypatch):
    of_another = ("pg_class", *importing.WRITTEN)
    monkeypatch.setattr(importing, "WRITTEN", of_another)
    outcome = legacy.run([product()])
    assert outcome.output.endswith(
        "Let the owner of the database run: ANALYZE products_product, "
        "inventory_stocklevel, inventory_stockmovement;\n"
    )
    assert Product.objects.exists()


def test_an_import_does_not_fail_for_want_of_statistics(legacy, monkeypatch):
    def time_out():
        raise OperationalError("lock timeout")

    monkeypatch.setattr(importing, "_analysed", time_out)
    assert "Let the owner" in legacy.run([product()]).output
    assert "Let the owner" not in legacy.run([product()], apply=False).output


class Terminal(StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "verbosity", "is_drawn"),
    [(Terminal, 1, True), (Terminal, 0, False), (StringIO, 1, False)],
)
def test_the_bar_is_drawn_on_a_terminal_alone(legacy, monkeypatch, stream, verbosity, is_drawn):
    screen = stream()
    monkeypatch.setattr("sys.stderr", screen)
    outcome = legacy.run([product()], verbosity=verbosity)
    assert ("products:" in screen.getvalue()) == is_drawn
    assert bool(outcome.output) == bool(verbosity)


def test_long_rows_make_small_batches(legacy, monkeypatch):
    monkeypatch.setattr(importing, "BATCH_CHARACTERS", 5_000)
    written = []
    monkeypatch.setattr(
        importing, "import_products", lambda products: written.append(len(products)) or {}
    )
    legacy.run([product(id=f"P-{number}", description="x" * 2_000) for number in range(7)])
    assert written == [3, 3, 1]


def test_a_batch_costs_one_statement(legacy, django_assert_num_queries):
    rows = [product(id=f"P-{number}") for number in range(30)]
    lines = [stock(product_id=f"P-{number}") for number in range(30)]
    # location, clock, products, stock; five to analyse, in a savepoint here; eleven to verify
    with django_assert_num_queries(20):
        legacy.run(rows, lines)
