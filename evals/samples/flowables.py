"""Paragraphs, signal-word boxes and tables that note what they draw.

Lines are broken here and not by ReportLab, because the ends of lines are the point: words are
hyphenated as in a printed manual, with a soft hyphen (U+00AD) in every third paragraph and a plain
hyphen in the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pyphen
from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable

from evals.samples.truth import Recorder

BAR_COLOURS = {"danger": "#C8102E", "warning": "#F58220", "caution": "#F9D616", "notice": "#1F5FA8"}
SIGNALS = {
    "GEFAHR": "danger", "WARNUNG": "warning", "VORSICHT": "caution", "HINWEIS": "notice",
    "DANGER": "danger", "WARNING": "warning", "CAUTION": "caution", "NOTICE": "notice",
}  # fmt: skip
_LETTERS = re.compile(r"[^\W\d_]{6,}")


@dataclass(frozen=True)
class Style:
    """How a text looks. Sizes and distances in points."""

    font: str = "Vera"
    size: float = 10
    leading: float = 14.8
    colour: Color = black
    before: float = 0
    after: float = 6
    indent: float = 0
    hyphenate: bool = True


@cache
def _dictionary(language: str) -> pyphen.Pyphen:
    return pyphen.Pyphen(lang={"de": "de_DE", "en": "en_US"}[language], left=3, right=3)


def break_lines(text: str, width: float, style: Style, language: str, hyphen: str) -> list[str]:
    """``text`` in lines no wider than ``width`` points, hyphenated where that fills a line."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        rest = word
        while rest:
            candidate = f"{line} {rest}" if line else rest
            if stringWidth(candidate, style.font, style.size) <= width:
                line, rest = candidate, ""
                continue
            forced = stringWidth(rest, style.font, style.size) > width
            head, tail = ("", rest)
            if style.hyphenate or forced:
                head, tail = _split(line, rest, width, style, language, hyphen)
            if head:
                lines.append(f"{line} {head}" if line else head)
                line, rest = "", tail
            elif line:
                lines.append(line)
                line = ""
            else:  # nothing fits: an unbreakable code in a narrow cell stands over the edge
                line, rest = rest, ""
    return [*lines, line] if line else lines


def _split(
    line: str, word: str, width: float, style: Style, language: str, hyphen: str
) -> tuple[str, str]:
    """The longest head of ``word`` (with its hyphen) that still fits behind ``line``."""
    best = ("", word)
    space = f"{line} " if line else ""
    for match in re.finditer(r"[^\W\d_]-(?=[A-ZÄÖÜ0-9])", word):  # at a hyphen of its own
        head, tail = word[: match.end()], word[match.end() :]
        if len(tail) > 1 and stringWidth(space + head, style.font, style.size) <= width:
            best = (head, tail)
    core = _LETTERS.search(word)
    if core is None or "-" in word or "/" in word:
        return best
    for start, end in _dictionary(language).iterate(core[0]):
        head, tail = word[: core.start()] + start, end + word[core.end() :]
        if len(start) < 3 or len(end) < 3:
            continue
        if stringWidth(space + head + "-", style.font, style.size) <= width and len(head) > len(
            best[0]
        ):
            best = (head + hyphen, tail)
    return best


class Text(Flowable):  # type: ignore[misc]
    """One paragraph, never split over pages. ``on_draw(page)`` is told where it landed."""

    def __init__(
        self,
        text: str,
        style: Style,
        recorder: Recorder,
        language: str,
        *,
        marker: str = "",
        on_draw: Callable[[int], None] | None = None,
        anchor: tuple[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.text, self.style, self.recorder, self.language = text, style, recorder, language
        self.marker, self.on_draw, self.anchor = marker, on_draw, anchor
        self.hyphen = "\u00ad" if len(text) % 3 == 0 else "-"
        self.spaceBefore, self.spaceAfter = style.before, style.after

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.lines = break_lines(
            self.text, width - self.style.indent, self.style, self.language, self.hyphen
        )
        self.width, self.height = width, len(self.lines) * self.style.leading
        return self.width, self.height

    def draw(self) -> None:
        canvas, style, page = self.canv, self.style, self.canv.getPageNumber()
        canvas.setFont(style.font, style.size)
        canvas.setFillColor(style.colour)
        y = self.height - style.size
        if self.marker:
            canvas.drawString(max(style.indent - 22, 0), y, self.marker)
        for line in self.lines:
            canvas.drawString(style.indent, y, line)
            y -= style.leading
        self.recorder.words[page].append(f"{self.marker} {self.text}".strip())
        if self.anchor:
            title, level = self.anchor
            key = f"h{page}-{len(self.recorder.headings)}"
            canvas.bookmarkHorizontal(key, 0, self.height)
            canvas.addOutlineEntry(title, key, level - 1, closed=level > 1)
        if self.on_draw:
            self.on_draw(page)


class SignalFlowable(Flowable):  # type: ignore[misc]
    """A coloured bar with the signal word, then the text in a border of the same colour."""

    BAR, PAD = 17.0, 7.0

    def __init__(self, word: str, parts: tuple[str, ...], style: Style, bold: Style,
                 recorder: Recorder, language: str) -> None:  # fmt: skip
        super().__init__()
        self.word, self.parts, self.recorder, self.language = word, parts, recorder, language
        self.style, self.bold = style, bold
        self.hyphen = "\u00ad" if len(" ".join(parts)) % 2 else "-"
        self.spaceBefore, self.spaceAfter = 6, 9

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.lines: list[tuple[str, Style, float]] = []
        for number, part in enumerate(self.parts):
            style = self.bold if number == 0 else self.style
            indent = 12.0 if part.startswith("• ") else 0.0
            body = part[2:] if indent else part
            lines = break_lines(
                body, width - 2 * self.PAD - indent, style, self.language, self.hyphen
            )
            if indent:
                self.lines.append(("•", style, -1.0))
            self.lines.extend((line, style, indent) for line in lines)
        count = sum(1 for _, _, indent in self.lines if indent >= 0)
        self.width = width
        self.height = self.BAR + 2 * self.PAD + count * self.style.leading
        return width, self.height

    def draw(self) -> None:
        canvas, page = self.canv, self.canv.getPageNumber()
        signal = SIGNALS[self.word]
        colour = HexColor(BAR_COLOURS[signal])
        canvas.saveState()
        canvas.setStrokeColor(colour)
        canvas.setFillColor(colour)
        canvas.setLineWidth(1)
        canvas.rect(0, 0, self.width, self.height, stroke=1, fill=0)
        canvas.rect(0, self.height - self.BAR, self.width, self.BAR, stroke=1, fill=1)
        canvas.setFillColor(black if signal in ("warning", "caution") else white)
        if signal != "notice":
            self._triangle(canvas, signal)
        canvas.setFont("Vera-Bold", 10.5)
        canvas.drawString(26, self.height - self.BAR + 5, self.word)
        y = self.height - self.BAR - self.PAD - self.style.size
        for line, style, indent in self.lines:
            canvas.setFillColor(style.colour)
            canvas.setFont(style.font, style.size)
            canvas.drawString(self.PAD + max(indent, 0), y, line)
            if indent >= 0:
                y -= self.style.leading
        canvas.restoreState()
        self.recorder.words[page].extend([self.word, *self.parts])
        self.recorder.notices.append(
            {
                "word": self.word,
                "signal": signal,
                "text": "\n".join(self.parts),
                "page": page,
                "label": self.recorder.labels[page],
                "section": self.recorder.section,
            }
        )

    def _triangle(self, canvas: object, signal: str) -> None:
        base = self.height - self.BAR + 3
        path = canvas.beginPath()  # type: ignore[attr-defined]
        path.moveTo(7, base)
        path.lineTo(20, base)
        path.lineTo(13.5, base + 11.5)
        path.close()
        canvas.drawPath(path, stroke=0, fill=1)  # type: ignore[attr-defined]
        canvas.setStrokeColor(HexColor(BAR_COLOURS[signal]))  # type: ignore[attr-defined]
        canvas.setLineWidth(1.4)  # type: ignore[attr-defined]
        canvas.line(13.5, base + 3.6, 13.5, base + 8)  # type: ignore[attr-defined]
        canvas.line(13.5, base + 1.4, 13.5, base + 2.4)  # type: ignore[attr-defined]
        canvas.setStrokeColor(HexColor(BAR_COLOURS[signal]))  # type: ignore[attr-defined]
