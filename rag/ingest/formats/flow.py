"""Text set in lines: fonts, widths, line breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from rag.ingest.formats.pieces import Run, tidy

# DejaVu has the signs of manuals (→ ✓ ⌀), Vera, which comes with ReportLab, the same widths.
_DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
_VERA = Path(reportlab.__file__).parent / "fonts"
_TAB_STOP = 108.0  # points
_LEAST_TAB = 3.2  # letter sizes: a gap that the reader takes for one
_TOKEN = re.compile(r"\n|\t| +|[^ \n\t]+")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of one weight that begin ``x`` points from the left edge of the text."""

    x: float
    text: str
    bold: bool


SetLine = list[Span]


@cache
def font(bold: bool) -> str:
    """The name of the regular or the bold font, registered at the first call."""
    name = "ViewBold" if bold else "View"
    files = ("DejaVuSans-Bold.ttf", "VeraBd.ttf") if bold else ("DejaVuSans.ttf", "Vera.ttf")
    own = _DEJAVU / files[0]
    pdfmetrics.registerFont(TTFont(name, str(own if own.exists() else _VERA / files[1])))
    return name


@lru_cache(maxsize=20_000)
def width_of(text: str, bold: bool, size: float) -> float:
    """In points."""
    return float(pdfmetrics.stringWidth(text, font(bold), size))


def set_lines(runs: Sequence[Run], width: float, size: float) -> list[SetLine]:
    """``runs`` broken into lines of at most ``width`` points; no line when there is no text."""
    lines: list[SetLine] = []
    line: SetLine = []
    x = blank = 0.0
    for part, bold in _tokens(runs):
        if part == "\n":
            lines.append(line)
            line, x, blank = [], 0.0, 0.0
        elif part == "\t":
            start = x + _LEAST_TAB * size if line else 0.0
            x, blank = -(-start // _TAB_STOP) * _TAB_STOP, 0.0
        elif part[0] == " ":
            blank = width_of(" ", bold, size) if line else 0.0
        else:
            for word in _fitting(part, bold, width, size):
                wide = width_of(word, bold, size)
                if line and x + blank + wide > width:
                    lines.append(line)
                    line, x, blank = [], 0.0, 0.0
                _add(line, Span(x + blank, word, bold), bool(blank))
                x, blank = x + blank + wide, 0.0
    if line:
        lines.append(line)
    return lines


def _add(line: SetLine, span: Span, spaced: bool) -> None:
    """Words that follow each other closely are drawn in one go."""
    last = line[-1] if line else None
    if last and last.bold == span.bold and spaced:
        line[-1] = Span(last.x, f"{last.text} {span.text}", last.bold)
    else:
        line.append(span)


def _tokens(runs: Sequence[Run]) -> Iterator[tuple[str, bool]]:
    for run in tidy(runs):
        for part in _TOKEN.findall(run.text):
            yield part, run.bold


def _fitting(word: str, bold: bool, width: float, size: float) -> Iterator[str]:
    """``word``, or pieces of it when it is wider than a line."""
    while word and width_of(word[:400], bold, size) > width:
        count = max(1, int(len(word[:400]) * width / width_of(word[:400], bold, size)))
        while count > 1 and width_of(word[:count], bold, size) > width:
            count -= 1
        yield word[:count]
        word = word[count:]
    if word:
        yield word


def longest_word(runs: Sequence[Run], size: float) -> float:
    """The width of the longest word in points."""
    return max(
        (width_of(part[:60], bold, size) for part, bold in _tokens(runs) if part.strip()),
        default=0.0,
    )


def natural_width(runs: Sequence[Run], size: float) -> float:
    """The width of the text if it stood on one line, breaks of its own kept."""
    widest = line = 0.0
    for part, bold in _tokens(runs):
        line = 0.0 if part == "\n" else line + width_of(part[:400], bold, size)
        widest = max(widest, line)
    return widest
