"""Small PDFs for tests, drawn line by line with ReportLab."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import reportlab
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from rag.ingest.document import ReadManual, read_document

A4 = (595.0, 842.0)
_FONTS = Path(reportlab.__file__).parent / "fonts"
pdfmetrics.registerFont(TTFont("Sans", str(_FONTS / "Vera.ttf")))
pdfmetrics.registerFont(TTFont("SansBold", str(_FONTS / "VeraBd.ttf")))


class Paper:
    """A PDF being drawn; ``y`` runs down from the top of the page in points."""

    def __init__(self, path: Path, size: tuple[float, float] = A4) -> None:
        self.path, self.size = path, size
        self.canvas = Canvas(str(path), pagesize=size, invariant=1)

    def write(
        self, text: str, x: float, y: float, size: float = 10, *, bold: bool = False,
        color: str | Color = "#000000",
    ) -> None:  # fmt: skip
        self.canvas.setFont("SansBold" if bold else "Sans", size)
        self.canvas.setFillColor(HexColor(color) if isinstance(color, str) else color)
        self.canvas.drawString(x, self.size[1] - y, text)

    def lines(self, texts: Sequence[str], x: float, y: float, leading: float = 14) -> float:
        """Lines of one paragraph; returns where the next line would stand."""
        for text in texts:
            self.write(text, x, y)
            y += leading
        return y

    def box(self, x: float, y: float, width: float, height: float, fill: str = "") -> None:
        self.canvas.setStrokeColor(HexColor("#333333"))
        if fill:
            self.canvas.setFillColor(HexColor(fill))
        self.canvas.rect(x, self.size[1] - y - height, width, height, fill=int(bool(fill)))

    def rule(self, x0: float, x1: float, y: float) -> None:
        self.canvas.setStrokeColor(HexColor("#333333"))
        self.canvas.line(x0, self.size[1] - y, x1, self.size[1] - y)

    def table(self, rows: Sequence[Sequence[str]], widths: Sequence[float], y: float) -> float:
        """A fully ruled table at x = 60; its first row is bold."""
        for number, row in enumerate(rows):
            x = 60.0
            for text, width in zip(row, widths, strict=True):
                self.box(x, y, width, 20)
                self.write(text, x + 4, y + 13, 9, bold=number == 0)
                x += width
            y += 20
        return y

    def next_page(self) -> None:
        self.canvas.showPage()

    def read(self) -> ReadManual:
        """Save, then read as a manual."""
        self.canvas.showPage()
        self.canvas.save()
        return read_document(self.path, file_name=self.path.name, ocr_languages="deu+eng")
