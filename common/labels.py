"""Labels on paper: a name, a code as Code 128 and as QR, on rolls and on sheets."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Final

from reportlab.graphics.barcode.code128 import Code128Auto
from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel
from reportlab.lib.units import inch, mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Point = tuple[float, float]

FONT: Final = "Noto Sans"
FONT_PACKAGE: Final = "fontpkg_noto_sans"
FONT_FILE: Final = "NotoSans[wdth,wght].ttf"
UNKNOWN: Final = "?"
"""In place of a letter that the font does not have."""

BARS: Final = [0.5 * mm, 0.375 * mm, 0.33 * mm, 0.25 * mm, 0.19 * mm]
"""Widths of the thinnest bar, the widest that fits is taken; thinner ones are read badly."""
QUIET: Final = 10
"""Thinnest bars' widths of white on either side of a Code 128."""
QR_QUIET: Final = 4
QR_MASK: Final = 3
"""Any of the eight is as valid; to choose the best one takes ten times as long."""


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says: ``code`` in bars and in letters, ``qr`` as QR, which may be longer."""

    name: str
    code: str
    qr: str
    line: str = ""
    """Where it belongs, in small letters; the SKU where the bars say something else."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A roll (one label a page) or a sheet of labels; lengths in points."""

    width: float
    height: float
    columns: int = 1
    rows: int = 1
    page: tuple[float, float] | None = None
    left: float = 0
    top: float = 0
    column_step: float = 0
    row_step: float = 0

    @property
    def per_page(self) -> int:
        return self.columns * self.rows

    @property
    def page_size(self) -> tuple[float, float]:
        return self.page or (self.width, self.height)

    def corner(self, place: int) -> tuple[float, float]:
        """The lower left corner of a place on the page; the first is at its top left."""
        row, column = divmod(place % self.per_page, self.columns)
        x = self.left + column * (self.column_step or self.width)
        y = self.page_size[1] - self.top - self.height - row * (self.row_step or self.height)
        return x, y


A4: Final = (210 * mm, 297 * mm)
LETTER: Final = (8.5 * inch, 11 * inch)
PAPERS: Final = {
    "62x29": Paper(62 * mm, 29 * mm),
    "100x50": Paper(100 * mm, 50 * mm),
    "a4-24": Paper(70 * mm, 37 * mm, columns=3, rows=8, page=A4, top=0.5 * mm),
    "a4-14": Paper(
        99.1 * mm,
        38.1 * mm,
        columns=2,
        rows=7,
        page=A4,
        left=4.65 * mm,
        top=15.15 * mm,
        column_step=101.6 * mm,
    ),
    "letter-30": Paper(
        2.625 * inch,
        1 * inch,
        columns=3,
        rows=10,
        page=LETTER,
        left=0.1875 * inch,
        top=0.5 * inch,
        column_step=2.75 * inch,
    ),
}


def pdf(labels: Sequence[tuple[Label, int]], paper: Paper, *, start: int = 1) -> bytes:
    """Each label so many times, one after the other, from the ``start``-th place of a sheet on."""
    document = io.BytesIO()
    canvas = Canvas(document, pagesize=paper.page_size, pageCompression=1)
    canvas.setTitle("Labels")
    place = start - 1
    is_blank = True
    for number, (label, copies) in enumerate(labels):
        canvas.beginForm(f"label-{number}", 0, 0, paper.width, paper.height)
        _draw(canvas, label, paper)
        canvas.endForm()
        for _copy in range(copies):
            if not is_blank and place % paper.per_page == 0:
                canvas.showPage()
            _put(canvas, f"label-{number}", paper.corner(place))
            place, is_blank = place + 1, False
    canvas.save()
    return document.getvalue()


def _put(canvas: Canvas, form: str, corner: tuple[float, float]) -> None:
    canvas.saveState()
    canvas.translate(*corner)
    canvas.doForm(form)
    canvas.restoreState()


def fits(code: str, paper: Paper) -> bool:
    """Whether the code can be printed in bars that scanners read; a QR always can."""
    return _bars(code, paper.width - 2 * _margin(paper)) is not None


def _margin(paper: Paper) -> float:
    return float(min(3 * mm, paper.height / 12))


def _draw(canvas: Canvas, label: Label, paper: Paper) -> None:
    """QR at the right; the name beside it; the bars below, with their text under them."""
    margin = _margin(paper)
    width, height = paper.width - 2 * margin, paper.height - 2 * margin
    bars = _bars(label.code, width)
    below = height * 0.46 if bars else 0
    side = min(height - below, width * 0.4)
    _draw_qr(canvas, label.qr, paper.width - margin - side, margin + height - side, side)
    small = min(3.2 * mm, height / 9)
    text_width = width - side - 1 * mm
    _write(canvas, label, (margin, margin + height), (text_width, height - below), small)
    if bars:
        baseline = margin + small * 0.3
        text = _shown(label.code)
        size = _size_to_fit(text, small, width)
        canvas.setFont(font(), size)
        canvas.drawCentredString(paper.width / 2, baseline, text)
        bars.barHeight = below - small * 1.5
        bars.drawOn(canvas, (paper.width - bars.width) / 2, margin + small * 1.3)


def _write(canvas: Canvas, label: Label, corner: Point, room: Point, small: float) -> None:
    """The name in as many lines as there is room for, then what stands in small letters."""
    (x, y), (width, height) = corner, room
    second = [text for text in (label.line,) if text]
    size = small * 1.25
    most = max(1, int((height - small * 1.2 * len(second)) / (size * 1.15)))
    for text in wrapped(_shown(label.name), width, size, most):
        y -= size * 1.15
        canvas.setFont(font(), size)
        canvas.drawString(x, y + size * 0.2, text)
    for text in second:
        y -= small * 1.2
        canvas.setFont(font(), small)
        (line,) = wrapped(_shown(text), width, small, 1)
        canvas.drawString(x, y + small * 0.2, line)


def _bars(code: str, width: float) -> Code128Auto | None:
    """The widest bars of a Code 128 that fit with white on both sides, if any are wide enough."""
    for thinnest in BARS:
        quiet = QUIET * thinnest
        bars = Code128Auto(code, barWidth=thinnest, lquiet=quiet, rquiet=quiet)
        if bars.width <= width:
            return bars
    return None


def _draw_qr(canvas: Canvas, text: str, x: float, y: float, side: float) -> None:
    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.version = code.calculate_version()
    code.makeImpl(False, QR_MASK)  # noqa: FBT003  reportlab's
    module = side / (code.getModuleCount() + 2 * QR_QUIET)
    path = canvas.beginPath()
    for row, column, length in _runs(code.modules):
        top = y + side - (QR_QUIET + row + 1) * module
        path.rect(x + (QR_QUIET + column) * module, top, length * module, module)
    canvas.drawPath(path, stroke=0, fill=1)


def _runs(modules: Sequence[Sequence[bool]]) -> Iterator[tuple[int, int, int]]:
    """Row, column and length of the dark runs."""
    for row, cells in enumerate(modules):
        begin = None
        for column, is_dark in enumerate([*cells, False]):
            if is_dark and begin is None:
                begin = column
            elif not is_dark and begin is not None:
                yield row, begin, column - begin
                begin = None


def wrapped(text: str, width: float, size: float, most: int) -> list[str]:
    """The text in at most so many lines of this width; what is too long ends with an ellipsis."""
    lines: list[str] = []
    rest = text.split()
    while rest and len(lines) < most:
        line = rest.pop(0)
        while rest and _width(f"{line} {rest[0]}", size) <= width:
            line = f"{line} {rest.pop(0)}"
        is_last = len(lines) == most - 1
        if _width(line, size) > width and not is_last:
            kept = _cut(line, width, size)
            rest.insert(0, line[len(kept) :])
            line = kept
        lines.append(line)
    if rest or (lines and _width(lines[-1], size) > width):
        lines[-1] = _cut(lines[-1], width - _width("…", size), size).rstrip() + "…"
    return lines or [""]


def _cut(text: str, width: float, size: float) -> str:
    """As much of the text as fits, one letter at least."""
    length = len(text)
    while length > 1 and _width(text[:length], size) > width:
        length -= 1
    return text[:length]


def _size_to_fit(text: str, size: float, width: float) -> float:
    return min(size, size * width / max(_width(text, size), 1))


def _width(text: str, size: float) -> float:
    return float(pdfmetrics.stringWidth(text, font(), size))


def _shown(text: str) -> str:
    """Latin, Greek and Cyrillic as they are; other letters are not printed as boxes."""
    known = pdfmetrics.getFont(font()).face.charToGlyph
    return "".join(letter if ord(letter) in known else UNKNOWN for letter in " ".join(text.split()))


@lru_cache(maxsize=1)
def font() -> str:
    """The name of the font, registered with reportlab when it is first asked for."""
    with as_file(files(FONT_PACKAGE) / "files" / FONT_FILE) as path:
        pdfmetrics.registerFont(TTFont(FONT, str(path)))
    return FONT
