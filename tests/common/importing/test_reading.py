"""Files as they come: encodings, separators, headings, limits, and formulae made harmless."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from datetime import date, datetime

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from openpyxl.xml.constants import SHARED_STRINGS

from common.importing import reading, writing, xlsx_archives
from common.importing.formulae import neutral, plain
from common.importing.kinds import kinds
from common.importing.problems import Unfit
from common.importing.reading import opened
from tests.common.importing.files import as_csv, as_xlsx

COUNTS = kinds["counts"]


def cells_of(content: bytes) -> list[dict]:
    return [row.cells for row in opened(content, COUNTS).rows]


def refused(content: bytes) -> str:
    with pytest.raises(Unfit) as caught:
        list(opened(content, COUNTS).rows)
    return caught.value.about().text


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "'=1", "''-1", "＝1"])  # noqa: RUF001
def test_what_a_spreadsheet_could_run_is_harmless_and_comes_back(text):
    assert neutral(text) == f"'{text}"
    assert plain(neutral(text)) == text


@pytest.mark.parametrize("text", ["", "a=1", "'tis", "''", "1", "x-1"])
def test_other_text_is_left_alone(text):
    assert neutral(text) == text
    assert plain(text) == text


def test_numbers_are_no_formulae_however_negative():
    text = "".join(writing.csv_text(["n", "t"], [[-5, "-5"]]))
    assert text.splitlines()[1] == "-5,'-5"
    with writing.xlsx_file(["n", "t"], [[-5, "=1+1"]]) as file:
        cells = next(load_workbook(file).active.iter_rows(min_row=2))
    assert [(cell.value, cell.data_type) for cell in cells] == [(-5, "n"), ("'=1+1", "s")]


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_is_read_as_spreadsheets_write_it(separator, encoding):
    content = as_csv(
        ["SKU", " Counted ", ""], ["Zoë, ½; x", 3, ""], separator=separator, encoding=encoding
    )
    sheet = opened(content, COUNTS)
    assert [row.cells for row in sheet.rows] == [{"sku": "Zoë, ½; x", "counted": "3"}]
    guessed = sheet.form["encoding"] == "Windows-1252"
    assert guessed == (encoding == "cp1252")


def test_rows_are_numbered_as_a_spreadsheet_shows_them():
    content = b'\n\nsku,counted\n"two\nlines",1\n\nMUG,2\n'
    assert [row.number for row in opened(content, COUNTS).rows] == [4, 6]


def test_cells_of_xlsx_keep_what_they_are():
    content = as_xlsx(["sku", "counted"], ["007", 12.0], [None, None], [date(2026, 3, 1), True])
    assert cells_of(content) == [
        {"sku": "007", "counted": 12.0},
        {"sku": datetime(2026, 3, 1), "counted": True},  # noqa: DTZ001  as openpyxl reads them
    ]


def test_rows_beside_the_headings_or_with_wrong_quotation_marks_are_told_and_stop_nothing():
    content = b'sku,counted\nMUG,1,2\nCUP\n"A"x,1\nPOT,3\n'
    told = [[problem.text for problem in row.problems] for row in opened(content, COUNTS).rows]
    assert told == [
        ["It has cells without a heading above them."],
        ["It has fewer cells than there are headings."],
        ["Its quotation marks are wrong: the row, or all below it, cannot be told apart."],
        [],
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"\n\n", "empty", id="blank"),
        pytest.param(b"sku,counted\nA\0B,1", "neither CSV nor XLSX", id="binary"),
        pytest.param(b"PK\x03\x04nonsense", "cannot be read", id="no zip"),
        pytest.param(b"sku,count\nMUG,1", "Unknown: “count”", id="unknown heading"),
        pytest.param(b"sku,sku,counted\nMUG,1,1", "several columns sku", id="twice"),
        pytest.param(b"sku\nMUG", "missing: counted", id="missing"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused_in_a_sentence(content, words):
    assert words in refused(content)


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(reading, "MOST_ROWS", 2)
    assert len(cells_of(b"sku,counted\nA,1\nB,1\n")) == 2
    assert "more than 2 rows" in refused(b"sku,counted\nA,1\nB,1\nC,1\n")


def bomb(name: str, size: int) -> bytes:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w") as out,
    ):
        for _ in range(size // 2**20):
            out.write(b" " * 2**20)
    return file.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_a_zip_bomb_is_not_unpacked(name):
    content = bomb(name, 130 * 2**20)
    assert len(content) < 2**20
    assert "too large" in refused(content)


def book_with(part: str, text: str) -> bytes:
    """A right book, but for what one part of it holds, or its shared texts."""
    source = zipfile.ZipFile(io.BytesIO(as_xlsx(["sku", "counted"], ["MUG", 1])))
    parts = {name: source.read(name).decode() for name in source.namelist()} | {part: text}
    if part == TEXTS:
        told = f'<Override PartName="/{part}" ContentType="{SHARED_STRINGS}"/></Types>'
        manifest = "[Content_Types].xml"
        parts[manifest] = parts[manifest].replace("</Types>", told)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


TEXTS = "xl/called-otherwise.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = f"<worksheet {MAIN}><sheetData>%s</sheetData></worksheet>"
SHARED = '<row><c><f t="shared" si="0">%s</f></c></row>'


@pytest.mark.parametrize(
    ("part", "text"),
    [
        pytest.param(
            "xl/styles.xml",
            f"<styleSheet {MAIN}><cellXfs>{'<xf/>' * 60_000}</cellXfs></styleSheet>",
            id="styles",
        ),
        pytest.param("xl/styles.xml", " " * (2 * 2**20 + 1), id="large-styles"),
        pytest.param(
            "xl/styles.xml",
            f"<styleSheet {MAIN}>{('<row>' + '<c/>' * 60 + '</row>') * 1_000}</styleSheet>",
            id="rows-among-styles",
        ),
        pytest.param(
            "xl/worksheets/sheet1.xml", SHEET % f"<row>{'<c/>' * 60_000}</row>", id="one-row"
        ),
        pytest.param("xl/worksheets/sheet1.xml", SHEET % ("<x/>" * 60_000), id="beside-the-rows"),
        pytest.param(
            "xl/worksheets/sheet1.xml",
            SHEET % ('<row r="1"/>' * 260_000),
            id="same-row",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "xl/worksheets/sheet1.xml",
            SHEET % (SHARED % ("1+" * 50_000) + SHARED % "" * 200),
            id="shared-formula",
        ),
        pytest.param(
            TEXTS, f"<sst {MAIN}>{'<si/>' * 460_000}</sst>", id="texts", marks=pytest.mark.slow
        ),
        pytest.param(TEXTS, f"<sst {MAIN}><si>{'<r/>' * 60_000}</si></sst>", id="one-text"),
    ],
)
def test_few_bytes_that_would_become_many_objects_are_refused(part, text):
    content = book_with(part, text)
    assert len(content) < 64 * 1024
    tracemalloc.start()
    try:
        assert "too large" in refused(content)
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def test_shared_texts_are_bounded_whatever_their_part_is_called(monkeypatch):
    content = book_with(TEXTS, f"<sst {MAIN}>{'<si><t>MUG</t></si>' * 99}</sst>")
    assert cells_of(content) == [{"sku": "MUG", "counted": 1}]
    monkeypatch.setattr(xlsx_archives, "MOST_TEXTS", 1_000)
    assert "too large" in refused(content)


def test_a_book_that_defines_entities_is_not_read():
    text = '<!DOCTYPE x [<!ENTITY a "b">]>' + SHEET % "<row><c><v>&a;</v></c></row>"
    assert "cannot be read" in refused(book_with("xl/worksheets/sheet1.xml", text))


def test_a_wide_sheet_beside_a_chart_is_read():
    book = Workbook()
    book.active.append(["sku", "counted"])
    book.active.append(["MUG", 1])
    for column in range(60, 2_000):
        book.active.cell(2, column).font = Font(bold=True)
    book.create_chartsheet()
    file = io.BytesIO()
    book.save(file)
    assert cells_of(file.getvalue()) == [{"sku": "MUG", "counted": 1}]


def test_a_long_text_said_often_is_too_large(monkeypatch):
    monkeypatch.setattr(reading, "MOST_TEXT", 1_000)
    content = as_xlsx(["sku", "counted"], *(["x" * 100, 1] for _ in range(20)))
    assert "too large" in refused(content)


def test_a_sheet_that_lies_about_its_size_is_read_whole_and_no_further(monkeypatch):
    monkeypatch.setattr(reading, "MOST_LINES", 1_000)
    book = Workbook()
    book.active.append(["sku", "counted"])
    book.active.append(["MUG", 1])
    book.active.cell(900_000, 1, "FAR")
    file = io.BytesIO()
    book.save(file)
    assert "divide it" in refused(file.getvalue())
    source, target = (
        zipfile.ZipFile(io.BytesIO(as_xlsx(["sku", "counted"], ["A", 1], ["B", 2]))),
        (io.BytesIO()),
    )
    with zipfile.ZipFile(target, "w") as archive:
        for info in source.infolist():
            data = source.read(info)
            if info.filename.endswith("sheet1.xml"):
                assert b'ref="A1:B3"' in data
                data = data.replace(b'ref="A1:B3"', b'ref="A1:B2"')
            archive.writestr(info, data)
    assert len(cells_of(target.getvalue())) == 2


def test_a_text_that_no_cell_can_hold_is_not_cut():
    with pytest.raises(writing.TooLong):
        writing.xlsx_file(["t"], [["x" * 32_768]])
