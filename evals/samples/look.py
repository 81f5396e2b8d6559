"""How a manual looks, and what is particular about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import reportlab
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from evals.samples.flowables import Style

WIDTH, HEIGHT = A4
LEFT, RIGHT, TOP, BOTTOM = 62.0, 52.0, 74.0, 62.0
GREY = HexColor("#555555")
STYLES = {
    "body": Style(),
    "bold": Style(font="Vera-Bold"),
    "step": Style(indent=27, after=5),
    "bullet": Style(indent=18, after=3),
    "h1": Style("Vera-Bold", 17, 22, HexColor("#16324F"), 0, 12, hyphenate=False),
    "h2": Style("Vera-Bold", 12.5, 17, HexColor("#16324F"), 10, 6, hyphenate=False),
    "h3": Style("Vera-Bold", 10.3, 14, HexColor("#16324F"), 7, 4, hyphenate=False),
    "caption": Style("Vera-Italic", 8, 11, GREY, 2, 3, hyphenate=False),
    "title": Style("Vera-Bold", 25, 33, HexColor("#16324F"), 0, 10, hyphenate=False),
    "subtitle": Style("Vera", 15, 21, GREY, 0, 8, hyphenate=False),
    "box": Style(size=9.4, leading=13.2),
    "boxbold": Style("Vera-Bold", 9.4, 13.2),
}


@dataclass(frozen=True)
class Manual:
    """What is particular about one manual. ``chapter_labels``: pages are labelled "3-14"."""

    folder: Path
    language: str
    title: str
    machine: str
    type: str
    revision: str
    date: str
    maker: str
    head: str
    foot: str
    contents_title: str
    chapter_labels: bool = False


def register_fonts() -> None:
    """Bitstream Vera, which ReportLab brings along: free, and has umlauts, ², ½ and ±."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name, file in (("Vera", "Vera"), ("Vera-Bold", "VeraBd"), ("Vera-Italic", "VeraIt")):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{file}.ttf")))
