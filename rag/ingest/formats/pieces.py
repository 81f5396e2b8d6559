"""What stands in a manual that is no PDF, in order, whatever its format was."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag.errors import BadFile
from rag.ingest.signals import SIGNAL_WORDS

_MOST_CHARACTERS = 10_000_000  # some 3,000 pages; what is longer is an attack
MOST_PIECES = 60_000
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffd-\uffff]")
_MEANINGLESS = ("Cf", "Cn", "Co")  # marks of direction, unassigned, of one font alone


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one weight. A line break is "\\n", a wide gap "\\t"."""

    text: str
    bold: bool = False


Text = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """``level`` 1 is a chapter; 0 the title of the whole manual, which is no section."""

    level: int
    text: Text


@dataclass(frozen=True, slots=True)
class Paragraph:
    """``marker`` is the bullet or number of a list's entry, ``depth`` how far it is set in."""

    text: Text
    depth: int = 0
    marker: str = ""
    contents: str = ""  # of an entry of the table of contents: the page's label
    tight: bool = False  # a line of preformatted text: no space before it


@dataclass(frozen=True, slots=True)
class Cell:
    """``columns`` and ``rows`` are how many of each it spans."""

    text: Text
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    rows: tuple[tuple[Cell, ...], ...]
    header_rows: int = 0


@dataclass(frozen=True, slots=True)
class Box:
    """A notice with its signal word as the first paragraph."""

    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file that came within the document; width in points, 0 where it is not said."""

    data: bytes
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class PageBreak:
    """``label`` is the label of the page that begins, "" where the document has none."""

    label: str = ""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Text that the document holds but does not show."""

    text: str


Piece = Heading | Paragraph | Table | Box | Picture | PageBreak | Hidden


def plain(text: Iterable[Run]) -> str:
    """The characters without their weight."""
    return "".join(run.text for run in text)


def tidy(runs: Iterable[Run]) -> Text:
    """Runs without characters that cannot be printed, neighbours of one weight joined."""
    kept: list[Run] = []
    for run in runs:
        text = "".join(
            sign
            for sign in _UNPRINTABLE.sub(" ", run.text)
            if sign.isascii() or unicodedata.category(sign) not in _MEANINGLESS
        )
        if not text:
            continue
        if kept and kept[-1].bold == run.bold:
            kept[-1] = Run(kept[-1].text + text, run.bold)
        else:
            kept.append(Run(text, run.bold))
    return tuple(kept)


def trimmed(runs: Iterable[Run]) -> Text:
    """``tidy``, without blanks at either end; () when nothing is left."""
    kept = list(tidy(runs))
    while kept and not kept[0].text.strip():
        kept.pop(0)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[0] = replace(kept[0], text=kept[0].text.lstrip())
        kept[-1] = replace(kept[-1], text=kept[-1].text.rstrip())
    return tuple(kept)


def counted(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """``pieces`` as they are. Raises ``BadFile`` when there is no end to them."""
    characters = 0
    for number, piece in enumerate(pieces):
        characters += _length(piece)
        if number > MOST_PIECES or characters > _MOST_CHARACTERS:
            raise BadFile("error.document_too_long")
        yield piece


def _length(piece: Piece) -> int:
    match piece:
        case Heading(text=text) | Paragraph(text=text):
            return sum(len(run.text) for run in text)
        case Table(rows=rows):
            return sum(8 + len(plain(cell.text)) for row in rows for cell in row)
        case Box(paragraphs=paragraphs):
            return sum(len(plain(paragraph.text)) for paragraph in paragraphs)
    return 0


# --- notices -------------------------------------------------------------------------------------

_WORDS = "|".join(SIGNAL_WORDS)
_OPENS = re.compile(
    rf"^\s*[^\w\s\[(]*\s*(?:\[!(?P<alert>{_WORDS}|TIP)\]|(?P<word>{_WORDS})(?=\W|$))\s*[!:–—-]*\s*",
    re.IGNORECASE,
)


def as_notice(paragraphs: Sequence[Paragraph], *, framed: bool) -> Box | None:
    """A notice when the first of ``paragraphs`` opens with a signal word; None when it does not.

    ``framed``: they were set apart from the text. Without that the word must be bold, or in
    capitals before "!" or ":". "[!WARNING]" of Markdown counts as the word alone.
    """
    if not paragraphs or paragraphs[0].marker:
        return None
    first = paragraphs[0].text
    found = _OPENS.match(plain(first))
    if not found:
        return None
    word = found["alert"] or found["word"]
    lead = first[0].text.strip(" \n!:–—-") if first else ""
    alone = (first[0].bold and lead.casefold() == word.casefold()) or found.end() == len(
        plain(first)
    )
    capitals = word.isupper() and bool(re.search(r"[!:–—]", found.group()) or "\n" in found.group())
    if not (found["alert"] or alone or (framed and word.isupper()) or capitals):
        return None
    if not word[0].isupper() or word.upper() not in SIGNAL_WORDS:
        return None
    rest = trimmed(_after(first, found.end()))
    if not framed and not rest and len(paragraphs) == 1:
        return None
    opening = [Paragraph((Run(word, bold=True),))]
    if rest:
        opening.append(replace(paragraphs[0], text=rest))
    return Box((*opening, *paragraphs[1:]))


def _after(text: Text, length: int) -> Iterator[Run]:
    """``text`` without its first ``length`` characters."""
    for run in text:
        yield replace(run, text=run.text[length:])
        length = max(0, length - len(run.text))
