"""Answers without a language model: the passages that answer, verbatim, with their place.

At most three quotations, the first the longest; further places follow with their best line. A
procedure that was asked for is given with all its steps, a table's row with its headers. A safety
notice that is shown as a box is not quoted again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rag.answer.clean import verbatim
from rag.answer.excerpt import LEFT_OUT, STEP, best_line, best_part, shortened, steps_of
from rag.answer.passages import Passage
from rag.answer.records import ROW_KINDS
from rag.answer.relevance import Relevance
from rag.messages import say
from rag.types import Chunk, Citation, Language, Notice

_FIRST, _OTHERS, _PROCEDURE, _LINE = 900, 350, 6000, 160
# A table with more columns does not fit a phone.
_COLUMNS = 3


def quotation(
    passages: Sequence[Passage],
    citations: Sequence[Citation],
    notices: Sequence[Notice],
    relevance: Relevance,
    language: Language,
) -> str:
    """Markdown of the quotations, each with page, section and [n], then the further places.

    Those of several machines are put under each machine's name.
    """
    shown = {_bare(notice.text) for notice in notices}
    blocks: list[str] = []
    told = [pair for pair in zip(passages, citations, strict=True) if not pair[0].further]
    machines = [passage.hit.chunk.machine for passage, _ in told]
    for place, (passage, citation) in enumerate(told):
        lead = ["quote.lead", "quote.more"][min(place, 1)]
        head = f"**{say(lead, language)}**\n\n" if place < 2 else ""
        machine = machines[place]
        if len(set(machines)) > 1 and machine not in machines[:place]:
            head += f"**{verbatim(machine)}:**\n\n"
        room = _OTHERS if place else _FIRST
        quoted = _passage(passage, citation, shown, relevance, room, language)
        blocks.append(f"{head}{quoted}\n>\n> — {place_of(citation, language)} [{citation.n}]")
    lines = [
        _further(passage, citation, relevance, language)
        for passage, citation in zip(passages, citations, strict=True)
        if passage.further
    ]
    if lines:
        blocks.append("\n".join([f"**{say('quote.further', language)}**\n", *lines]))
    return "\n\n".join(blocks)


def place_of(citation: Citation, language: Language) -> str:
    """Title, page and section as people say them."""
    place = say("quote.place", language, title=citation.title, label=citation.label)
    section = " › ".join(citation.heading[-2:])
    return verbatim(f"{place} · {section}" if section else place)


def _passage(
    passage: Passage,
    citation: Citation,
    shown: Collection[str],
    relevance: Relevance,
    room: int,
    language: Language,
) -> str:
    """The passage's pieces behind ">": those of the section that answers first, each under its
    section's title where they have several."""
    pieces = [piece for piece in passage.pieces if _bare(piece.text) not in shown]
    if not pieces:
        return f"> {say('quote.in_notice', language)}"
    several = len({piece.heading for piece in pieces}) > 1
    pieces.sort(key=lambda piece: piece.heading != citation.heading)
    blocks: list[str] = []
    heading: tuple[str, ...] = ()
    for piece in pieces:
        room = room if piece.heading == citation.heading else min(room, _OTHERS)
        title = ""
        if several and piece.heading and piece.heading != heading:
            title = f"> *{verbatim(piece.heading[-1])}*\n>\n"
        heading = piece.heading
        blocks.append(title + _piece(piece, citation, relevance, room, language))
    return "\n>\n".join(blocks)


def _piece(
    piece: Chunk, citation: Citation, relevance: Relevance, room: int, language: Language
) -> str:
    """A procedure is quoted whole where it is what was asked for: half of it would be a danger.
    Elsewhere only its lines that answer, and where all the steps stand."""
    if piece.kind != "procedure":
        return _blockquote(best_part(piece, relevance, room), piece.kind)
    if room == _FIRST and not relevance.asks_value:
        return _blockquote(shortened(piece.text, _PROCEDURE), piece.kind)
    part = best_part(piece, relevance, room)
    quoted = _blockquote(part, piece.kind)
    if LEFT_OUT not in part:
        return quoted
    steps = say("quote.steps", language, count=steps_of(piece.text), label=citation.label)
    return f"{quoted}\n>\n> *{verbatim(steps)}*"


def _further(passage: Passage, citation: Citation, relevance: Relevance, language: Language) -> str:
    section = citation.heading[-1] if citation.heading else citation.title
    line = best_line(passage.hit.chunk, relevance).replace(" | ", " · ")
    line = shortened(" ".join(line.split()), _LINE)
    where = say("quote.further_line", language, label=citation.label, section=section)
    return f"- {verbatim(where)} [{citation.n}]: {verbatim(line)}"


def _bare(text: str) -> str:
    return " ".join(text.split()).casefold()


def _blockquote(text: str, kind: str) -> str:
    """Verbatim lines behind ">": steps stay a list, small tables tables, rows show their cells."""
    if kind in ROW_KINDS:
        lines = _as_table(text) or _as_cells(text)
    else:
        lines = _as_steps([verbatim(line.strip()) for line in text.split("\n")])
    return "\n".join(f"> {line}".rstrip(" ") if not line else f"> {line}" for line in lines)


def _as_steps(lines: Sequence[str]) -> list[str]:
    """Lines as Markdown that keeps each step its number: around what is left out a list ends, or
    step 7 would be shown as the one after step 2."""
    shown: list[str] = []
    for line in lines:
        is_step = STEP.match(line) is not None
        follows_text = bool(shown and shown[-1]) and not STEP.match(shown[-1])
        if shown and shown[-1] and (line == LEFT_OUT or (is_step and follows_text)):
            shown.append("")
        shown.append(line if is_step or not line else f"{line}  ")
    return shown


def _as_table(text: str) -> list[str]:
    """Rows with the same few headers as a Markdown table; an empty list for other rows."""
    lines = text.split("\n")
    title = [] if " | " in lines[0] else [lines.pop(0)]
    rows = [[cell.split(": ", 1) for cell in line.split(" | ")] for line in lines if line != "…"]
    if len(rows) < 2 or any(len(cell) != 2 for row in rows for cell in row):
        return []
    header = [name for name, _ in rows[0]]
    if len(header) > _COLUMNS or any([name for name, _ in row] != header for row in rows):
        return []
    shown = [f"{verbatim(part)}  " for part in title] + ([""] if title else [])
    shown.append(_table_row(header))
    shown.append("|" + " --- |" * len(header))
    return shown + [_table_row([content for _, content in row]) for row in rows]


def _table_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(verbatim(cell).replace("|", "\\|") for cell in cells) + " |"


def _as_cells(text: str) -> list[str]:
    """Each cell on a line of its own with its header, rows apart."""
    shown: list[str] = []
    for line in text.split("\n"):
        if shown and " | " in line:
            shown.append("")
        shown += [f"{verbatim(cell)}  " for cell in line.split(" | ")]
    return shown
