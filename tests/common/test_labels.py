"""Labels are read by scanners: what is printed is rendered and decoded here."""

from __future__ import annotations

import pypdfium2
import pytest
import zxingcpp

from common.labels import PAPERS, Label, fits, font, pdf, wrapped

pytestmark = pytest.mark.slow

SKU = "P-7K3MZQ4XWA"
URL = "https://stock.example.com/admin/products/product/0190a0a0-0000-7000-8000-000000000000/"
MUG = Label("Mug, blue, 300 ml", "9521000100015", SKU, SKU)
DOTS_PER_POINT = 300 / 72


def pages(document: bytes) -> list:
    return list(pypdfium2.PdfDocument(document))


def codes(image) -> list[tuple[str, str]]:
    """What a scanner finds in a picture: kinds of code, and their texts."""
    found = zxingcpp.read_barcodes(image)
    return sorted((str(code.format).replace(" ", ""), code.text) for code in found)


def read(document: bytes, page: int = 0) -> list[tuple[str, str]]:
    return codes(pages(document)[page].render(scale=DOTS_PER_POINT).to_pil())


def words(document: bytes, page: int = 0) -> str:
    return pages(document)[page].get_textpage().get_text_range()


@pytest.mark.parametrize("name", PAPERS)
@pytest.mark.parametrize("code", ["9521000100015", SKU, "A", "UPPER.lower_1/2"])
def test_a_scanner_reads_both_codes_of_a_printed_label(name, code):
    document = pdf([(Label("Mug", code, SKU), 1)], PAPERS[name])
    assert read(document) == [("Code128", code), ("QRCode", SKU)]


@pytest.mark.parametrize("name", PAPERS)
def test_a_scanner_reads_a_whole_address(name):
    document = pdf([(Label("Mug", SKU, URL), 1)], PAPERS[name])
    assert ("QRCode", URL) in read(document)


@pytest.mark.parametrize("name", PAPERS)
def test_a_code_too_long_for_bars_that_can_be_read_is_printed_as_qr_alone(name):
    code = "X" * 64
    assert not fits(code, PAPERS[name])
    assert fits(SKU, PAPERS[name])
    assert read(pdf([(Label("Mug", code, code), 1)], PAPERS[name])) == [("QRCode", code)]


@pytest.mark.parametrize("name", PAPERS)
def test_each_place_of_a_full_sheet_is_on_the_page_and_read_by_itself(name):
    paper = PAPERS[name]
    (page,) = pages(pdf([(MUG, paper.per_page)], paper))
    width, height = page.get_size()
    assert (width, height) == pytest.approx(paper.page_size, abs=0.01)
    image = page.render(scale=DOTS_PER_POINT).to_pil()
    for place in range(paper.per_page):
        x, y = paper.corner(place)
        box = (x, height - y - paper.height, x + paper.width, height - y)
        assert min(box) >= -0.01
        assert x + paper.width <= width + 0.01
        assert y >= -0.01
        label = image.crop([round(edge * DOTS_PER_POINT) for edge in box])
        assert codes(label) == [("Code128", MUG.code), ("QRCode", SKU)]


def test_labels_start_where_a_sheet_has_been_used_and_go_on_on_the_next():
    document = pdf([(MUG, 2), (Label("Tea", "TEA", "TEA"), 2)], PAPERS["a4-24"], start=23)
    assert len(pages(document)) == 2
    assert read(document) == [("Code128", MUG.code)] * 2 + [("QRCode", SKU)] * 2
    assert read(document, 1) == [("Code128", "TEA")] * 2 + [("QRCode", "TEA")] * 2


def test_many_labels_are_made_in_a_moment_and_the_copies_cost_nothing():
    many = pdf([(MUG, 1_000)], PAPERS["62x29"])
    assert len(pages(many)) == 1_000
    assert len(many) < 600_000


@pytest.mark.parametrize(
    "name", ["Crème brûlée, größer", "Żółć gęślą", "Καφές ελληνικός", "Чай чёрный", "Ơ sữa Đà Lạt"]
)
def test_latin_greek_and_cyrillic_letters_are_printed_as_they_are(name):
    document = pdf([(Label(name, SKU, SKU), 1)], PAPERS["100x50"])
    assert " ".join(words(document).split()).startswith(name)


@pytest.mark.parametrize("name", ["緑茶", "شاي", "🍵 Tea", "\u200bTea", "a\ud800b", ""])
def test_letters_that_the_font_lacks_neither_crash_nor_print_boxes(name):
    document = pdf([(Label(name, SKU, SKU), 1)], PAPERS["62x29"])
    assert ("Code128", SKU) in read(document)
    assert "緑" not in words(document)


@pytest.mark.parametrize("name", ["word " * 60, "W" * 255, "Short"])
@pytest.mark.parametrize("most", [1, 2, 3])
def test_names_are_wrapped_and_cut_to_the_room_there_is(name, most):
    from reportlab.pdfbase.pdfmetrics import stringWidth

    lines = wrapped(name.strip(), 100, 9, most)
    assert 1 <= len(lines) <= most
    assert all(stringWidth(line, font(), 9) <= 100 for line in lines)
    assert lines[-1].endswith("…") is (name != "Short")
