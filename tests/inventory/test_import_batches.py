"""manage.py import_batches: a CSV file of batches, row by row."""

from __future__ import annotations

import csv
from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from common.events.models import Event
from common.observability.logs import _Lines
from inventory import operations
from inventory.management.batch_rows import Importing
from inventory.models import Batch, StockLevel, StockMovement
from products.operations import delete_product
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

DAY = date(2026, 12, 24)
HEADER = "reference,sku,location,quantity,eta\n"


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", on_hand=7)


@pytest.fixture
def run(tmp_path, capsys):
    """Import a text (or bytes); returns what was said, with the error that ended it if any did."""

    def imported(text, *options):
        path = tmp_path / "batches.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        ended = None
        try:
            call_command("import_batches", str(path), *options)
        except CommandError as problem:
            ended = problem
        assert getattr(ended, "returncode", 1) == 1
        said, complaints = capsys.readouterr()
        return said, f"{complaints}{ended or ''}"

    return imported


def batches():
    rows = Batch.objects.order_by("reference").select_related("product", "location")
    return [
        (row.reference, row.product.sku, row.location.code, row.quantity, row.eta and str(row.eta))
        for row in rows
    ]


def test_every_row_is_a_batch(run, mug):
    LocationFactory(code="outlet")
    said, complaints = run(
        HEADER
        + "PO-1,mug,,12,2026-12-24\n"
        + '"PO-2, part ""A""",MUG,OUTLET, 5 ,2020-01-01\n'
        + "PO-3,MUG,main,3,\n"
    )
    assert batches() == [
        ("PO-1", "MUG", "main", 12, "2026-12-24"),
        ('PO-2, part "A"', "MUG", "outlet", 5, "2020-01-01"),
        ("PO-3", "MUG", "main", 3, None),
    ]
    assert said == "3 rows: 3 created, 0 here already, 0 rejected.\n"
    assert complaints == ""
    assert set(Event.objects.filter(type="batch.created").values_list("actor", flat=True)) == {
        "import_batches"
    }
    movement = StockMovement.objects.latest("id")
    assert (movement.delta, movement.reference, movement.actor) == (3, "PO-3", "import_batches")


def test_optional_columns_may_be_left_out_and_stand_in_any_order(run, mug):
    run("quantity,sku,reference\n4,MUG,PO-1\n")
    assert batches() == [("PO-1", "MUG", "main", 4, None)]


@pytest.mark.parametrize(
    "text",
    [
        (HEADER + "PO-1,MUG,,12,2026-12-24\n").encode("utf-8-sig"),
        (HEADER + "PO-1,MUG,,12,2026-12-24\n").replace("\n", "\r\n"),
        HEADER + '"PO-1","MUG","","12","2026-12-24"\n\n',
        HEADER + "PO-1,MUG,,12,2026-12-24",
    ],
    ids=["BOM", "CRLF", "quoted", "no line break at the end"],
)
def test_spreadsheets_write_csv_in_their_own_ways(run, mug, text):
    assert run(text)[1] == ""
    assert batches() == [("PO-1", "MUG", "main", 12, "2026-12-24")]


def test_a_run_can_be_repeated(run, mug):
    text = HEADER + "PO-1,MUG,,12,2026-12-24\nPO-2,MUG,main,3,\n"
    run(text)
    operations.receive_batch(batch_id=Batch.objects.get(reference="PO-1").pk, quantity=5)
    said, complaints = run(text)
    assert said == "2 rows: 0 created, 2 here already, 0 rejected.\n"
    assert complaints == ""
    mug.refresh_from_db()
    assert (mug.on_hand, mug.incoming) == (7 + 3 + 5, 7)


@pytest.mark.parametrize(
    ("row", "different"),
    [
        ("PO-1,PEN,,12,2026-12-24", "sku"),
        ("PO-1,MUG,outlet,12,2026-12-24", "location"),
        ("PO-1,MUG,nowhere,12,2026-12-24", "location"),
        ("PO-1,MUG,,13,2026-12-24", "quantity"),
        ("PO-1,MUG,,12,", "eta"),
        ("PO-1,MUG,,13,2026-12-25", "quantity, eta"),
    ],
)
def test_a_reference_with_other_facts_is_rejected(run, mug, row, different):
    ProductFactory(sku="PEN")
    LocationFactory(code="outlet")
    run(HEADER + "PO-1,MUG,,12,2026-12-24\n")
    before = batches()
    _, complaints = run(HEADER + row + "\n")
    assert complaints == (
        f"line 2: reference: PO-1 is here already with another {different}\n1 row rejected."
    )
    assert batches() == before


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",MUG,,1,", "reference: it is empty"),
        (f"{'x' * 256},MUG,,1,", "reference: it is longer than 255 characters"),
        ("A\x1bB,MUG,,1,", "reference: it has control characters"),
        ("PO-1,,,1,", "sku: it is empty"),
        ("PO-1,PEN,,1,", "sku: There is no product with the SKU 'PEN'."),
        ("PO-1,GONE,,1,", "sku: There is no product with the SKU 'GONE'."),
        ("PO-1,M\x00G,,1,", "sku: it has control characters"),
        (f"PO-1,{'x' * 65},,1,", "sku: it is longer than 64 characters"),
        ("PO-1,MUG,ma\x00in,1,", "location: it has control characters"),
        (f"PO-1,MUG,{'x' * 5000},1,", "location: it is longer than 64 characters"),
        ("PO-1,MUG,nowhere,1,", "location: There is no location 'nowhere'."),
        ("PO-1,MUG,,,", "quantity: '' is no whole number from 1 to 1000000000"),
        ("PO-1,MUG,,0,", "quantity: '0' is no whole number from 1 to 1000000000"),
        ("PO-1,MUG,,-1,", "quantity: '-1' is no whole number from 1 to 1000000000"),
        ("PO-1,MUG,,1.5,", "quantity: '1.5' is no whole number from 1 to 1000000000"),
        ("PO-1,MUG,,1000000001,", "quantity: '1000000001' is no whole number"),
        ("PO-1,MUG,,\u0661,", "quantity: '\u0661' is no whole number from 1 to 1000000000"),
        ("PO-1,MUG,,\x00,", r"quantity: '\x00' is no whole number from 1 to 1000000000"),
        ("PO-1,MUG,,1,2026-12-2\x00", r"eta: '2026-12-2\x00' is no date like 2026-11-24"),
        ("PO-1,MUG,,1,0000-01-01", "eta: '0000-01-01' is no date like 2026-11-24"),
        (f"PO-1,MUG,,{'9' * 5000},", f"quantity: '{'9' * 40}…' is no whole number"),
        (f"PO-1,MUG,,1,{'9' * 5000}", f"eta: '{'9' * 40}…' is no date like 2026-11-24"),
        ("PO-1,MUG,,1,24.12.2026", "eta: '24.12.2026' is no date like 2026-11-24"),
        ("PO-1,MUG,,1,2026-02-30", "eta: '2026-02-30' is no date like 2026-11-24"),
        ("PO-1,MUG,,x,tomorrow", "quantity: 'x' is no whole number from 1 to 1000000000; eta: "),
        ("PO-1,MUG,,1", "4 columns where 5 are due."),
        ('"PO-1"x,MUG,,1,', "Text follows a closing quotation mark"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_stops_no_other(run, mug, row, reason):
    delete_product(product_id=ProductFactory(sku="GONE").pk)
    said, complaints = run(f"{HEADER}A,MUG,,1,2026-12-24\n{row}\nZ,MUG,,1,2026-12-24\n")
    assert [each[0] for each in batches()] == ["A", "Z"]
    told, end = complaints.split("\n")
    assert told.startswith("line 3: ")
    assert reason in told
    assert len(told) < 200
    assert end == "1 row rejected."
    assert said == "3 rows: 2 created, 0 here already, 1 rejected.\n"


def test_a_reference_that_stands_there_twice_is_one_batch(run, mug):
    _, complaints = run(HEADER + "PO-1,MUG,,1,2026-12-24\n" * 2)
    assert "line 3: reference: PO-1 stands in line 2 already" in complaints
    assert len(batches()) == 1


def test_what_an_operation_refuses_leaves_nothing_behind(run, mug):
    StockLevel.objects.update(on_hand=10**12)
    _, complaints = run(HEADER + "PO-1,MUG,,1,\n")
    assert complaints.startswith("line 2: quantity: ")
    assert batches() == []


def test_a_rehearsal_judges_all_and_keeps_nothing(run, mug):
    text = HEADER + "PO-1,MUG,,1,2026-12-24\nPO-2,PEN,,1,\nPO-3,MUG,,1,\nPO-3,MUG,,1,\n"
    said, complaints = run(text, "--dry-run")
    assert said == (
        "4 rows: 2 created, 0 here already, 2 rejected.\nRehearsal: nothing was written.\n"
    )
    assert "line 3: sku: There is no product with the SKU 'PEN'." in complaints
    assert "line 5: reference: PO-3 stands in line 4 already" in complaints
    assert batches() == []
    mug.refresh_from_db()
    assert (mug.on_hand, mug.incoming) == (7, 0)
    assert not Event.objects.filter(type="batch.created").exists()


def test_rejects_can_be_mended_and_imported(run, mug, tmp_path):
    rejects = tmp_path / "rejects.csv"
    text = HEADER + "PO-1,MUG,,1,2026-12-24\nPO-2,PEN,,2,2026-12-25\n"
    _, complaints = run(text, f"--rejects={rejects}")
    assert complaints == "1 row rejected."
    (row,) = csv.DictReader(rejects.read_text().splitlines())
    assert (row["line"], row["reason"]) == ("3", "sku: There is no product with the SKU 'PEN'.")
    said, _ = run(rejects.read_text().replace("PEN", "MUG"))
    assert said == "1 row: 1 created, 0 here already, 0 rejected.\n"
    assert batches()[1] == ("PO-2", "MUG", "main", 2, "2026-12-25")


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("PO-1, in two parts,MUG,,5,2026-12-24", "PO-1, in two parts,MUG,,5,2026-12-24"),
        ("PO-1,MUG,,5", "PO-1,MUG,,5"),
        ('"PO-1"x,MUG,,5,2026-12-24', '"""PO-1""x,MUG,,5,2026-12-24"'),
    ],
    ids=["too many", "too few", "misquoted"],
)
def test_a_row_that_does_not_fit_keeps_its_cells_until_it_is_mended(run, mug, tmp_path, row, cells):
    rejects = tmp_path / "rejects.csv"
    again = tmp_path / "again.csv"
    run(f"{HEADER}{row}\n", f"--rejects={rejects}")
    header, told = rejects.read_text().splitlines()
    assert header == f"line,reason,{HEADER.strip()}"
    assert told.startswith("2,")
    assert told.endswith(f".,{cells}")
    said, _ = run(rejects.read_bytes(), f"--rejects={again}")
    assert "1 rejected" in said
    assert len(again.read_text().splitlines()) == 2
    mended = told.removesuffix(cells) + "PO-1,MUG,,5,2026-12-24"
    run(f"{header}\n{mended}\n")
    assert batches() == [("PO-1", "MUG", "main", 5, "2026-12-24")]


def test_what_is_rejected_twice_keeps_the_columns_of_its_file(run, mug, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    run("quantity,sku,reference\n1,PEN,PO-1\n2,MUG\n", f"--rejects={first}")
    run(first.read_bytes(), f"--rejects={second}")
    header, wrong, short = second.read_text().splitlines()
    assert header == "line,reason,quantity,sku,reference"
    assert wrong == "2,sku: There is no product with the SKU 'PEN'.,1,PEN,PO-1"
    assert short == "3,4 columns where 5 are due.,2,MUG"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty."),
        ("\n \n", "is empty."),
        ("reference,sku\nA,MUG\n", "lacks the columns quantity in its header."),
        ("reference;sku;quantity\nA;MUG;1\n", "They are to be separated by commas, not by ';'."),
        ("A,MUG,,1,\n", "lacks the columns reference, sku, quantity in its header."),
        ("reference,sku,quantity,etta\nA,MUG,1,x\n", "has unknown columns: 'etta'."),
        (f"reference,sku,quantity,{'x' * 5000}\n", f"columns: '{'x' * 40}…'. Known are"),
        ("reference,sku,sku,quantity\n", "has the columns sku more than once."),
        (HEADER.encode() + b"PO-1,MUG,,1,\nM\xfcller,MUG,,1,\n", "is not UTF-8"),
        (HEADER.encode("utf-16"), "is not UTF-8"),
    ],
)
def test_a_file_that_is_none_of_ours_is_one_sentence_and_changes_nothing(run, mug, text, sentence):
    said, complaints = run(text)
    assert sentence in complaints
    assert "\n" not in complaints
    assert said == ""
    assert batches() == []


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(CommandError, match=r"absent\.csv: No such file or directory"):
        call_command("import_batches", str(tmp_path / "absent.csv"))


def test_the_rejects_do_not_take_the_place_of_the_file(run, mug, tmp_path):
    _, complaints = run(HEADER, f"--rejects={tmp_path / 'batches.csv'}")
    assert complaints == "--rejects would take the place of the file that is read."
    assert (tmp_path / "batches.csv").read_text() == HEADER


def test_on_a_terminal_a_bar_shows_how_far_it_is(run, mug, monkeypatch):
    class Terminal(StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    run(HEADER + "PO-1,MUG,,1,2026-12-24\nPO-2,PEN,,1,\n")
    assert "0/2" in screen.getvalue()


def test_no_line_of_log_comes_between_the_bar_and_the_reasons(
    run, mug, monkeypatch, commits_at_once
):
    lines = []
    monkeypatch.setattr(_Lines, "info", lambda _logger, line: lines.append(line))
    operations.create_batch(reference="PO-0", sku="MUG", quantity=1)
    assert lines
    lines.clear()
    run(HEADER + "PO-1,MUG,,1,2026-12-24\nPO-2,MUG,,1,\n")
    assert lines == []
    assert len(batches()) == 3


def test_what_somebody_adds_or_deletes_meanwhile_is_seen(run, mug, monkeypatch):
    """The file is looked up ahead; what has changed by the time of a row is what counts."""
    gone = ProductFactory(sku="GONE")
    look_up = Importing._look_up

    def look_up_too_early(importing, orders):
        look_up(importing, orders)
        for reference, quantity in (("SAME", 1), ("OTHER", 9)):
            operations.create_batch(reference=reference, sku="MUG", quantity=quantity, eta=DAY)
        StockLevelFactory(product__sku="NEW")
        delete_product(product_id=gone.pk)

    monkeypatch.setattr(Importing, "_look_up", look_up_too_early)
    rows = ["SAME,MUG", "OTHER,MUG", "PO-1,NEW", "PO-2,GONE"]
    said, complaints = run(HEADER + "".join(f"{row},,1,{DAY}\n" for row in rows))
    assert said == "4 rows: 1 created, 1 here already, 2 rejected.\n"
    assert "line 3: reference: OTHER is here already with another quantity" in complaints
    assert "line 5: product_id: There is no such product." in complaints


def test_a_row_takes_no_queries_for_what_is_looked_up_for_many(
    run, mug, django_assert_max_num_queries
):
    LocationFactory(code="outlet")
    rows = [f"PO-{number},mug,outlet,1,{DAY}\n" for number in range(40)]
    run(HEADER + rows[0])
    with django_assert_max_num_queries(20) as one:
        run(HEADER + rows[1])
    with django_assert_max_num_queries(2 + 20 * (len(one) - 2)):
        run(HEADER + "".join(rows[2:22]))


def test_it_can_be_silent(run, mug):
    assert run(HEADER + "PO-1,MUG,,1,2026-12-24\n", "--verbosity=0") == ("", "")
    assert len(batches()) == 1
