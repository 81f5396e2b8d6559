"""Answers without a language model: the passages that answer, verbatim, with their place.

Rows and sentences that speak of the question come first; a procedure is given with all its steps,
a table row with its headers. At most three quotations, the first the longest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.clean import verbatim
from rag.answer.records import ROW_KINDS
from rag.answer.relevance import Relevance
from rag.messages import say
from rag.types import Chunk, Citation, Language

_FIRST, _OTHERS, _PROCEDURE = 900, 450, 3000
_STEP = re.compile(r"^\s*(\d{1,2})[.)]\s+")
_SENTENCE = re.compile(r"(?<=[^\W\d_][.!?])\s+(?=[A-ZÄÖÜ•–-])|(?<=\d[.!?])\s+(?=[A-ZÄÖÜ])|\n+")
_LIST_NUMBER = re.compile(r"^\s*\d{1,2}[.)]$")
_ASKS_VALUE = re.compile(
    r"\b(?:wie ?viel\w*|wie (?:hoch|lang\w*|oft|groß|schwer|tief|breit|warm|heiß|viele?|fest|laut)"
    r"|welche[rsnm]? \w*(?:druck|moment|temperatur|spannung|menge|drehzahl|leistung|wert|maß)\w*"
    r"|wann|how (?:much|many|often|long|high|tight|hot|big|deep|wide|heavy|loud)|torque|drehmoment"
    r"|what (?:is the )?\w* ?(?:pressure|temperature|voltage|capacity|speed|power|interval)"
    r"|when|intervall?|abstände\w*)\b",
    re.IGNORECASE,
)
# Rows and sentences that score at least this share of the best one are quoted with it.
_NEARLY_AS_GOOD = 0.55
# A table with more columns does not fit a phone.
_COLUMNS = 3


def asks_for_value(question: str) -> bool:
    """Whether the answer's first thing is a number."""
    return _ASKS_VALUE.search(question) is not None


def best_part(chunk: Chunk, relevance: Relevance, characters: int) -> str:
    """The lines or sentences of a passage that say most about the question, in their order.

    Verbatim, about ``characters`` long (at least one line); "…" stands for what is left out.
    """
    if len(chunk.text) <= characters and chunk.kind != "table":
        return chunk.text
    parts = _split(chunk)
    title = parts.pop(0) if chunk.kind == "table" and " | " not in parts[0] else ""
    room = characters - len(title)
    chosen = _choose(parts, relevance.scores(parts, chunk.language), room, chunk.kind)
    out = [title] if title else []
    last = -1
    for place in chosen:
        if place != last + 1:
            out.append("…")
        out.append(parts[place])
        last = place
    if last + 1 < len(parts):
        out.append("…")
    joiner = "\n" if chunk.kind in ROW_KINDS or "\n" in chunk.text else " "
    text = joiner.join(out)
    return text if len(text) <= 2 * characters else text[: 2 * characters].rsplit(" ", 1)[0] + " …"


def best_line_score(chunk: Chunk, relevance: Relevance) -> float:
    """What the passage's best single line or sentence says about the question."""
    return max(relevance.scores([part], chunk.language)[0] for part in _split(chunk))


def _choose(parts: Sequence[str], scores: Sequence[float], room: int, kind: str) -> list[int]:
    """Places of the parts to quote: the best ones, then (in running text) their neighbours."""
    best = max(scores, default=0.0)
    ranked = sorted(range(len(parts)), key=lambda place: (-scores[place], place))
    chosen: list[int] = []
    for place in ranked:
        good = scores[place] >= _NEARLY_AS_GOOD * best
        if chosen and (not good or len(parts[place]) > room):
            continue
        chosen.append(place)
        room -= len(parts[place]) + 3
    if kind not in ROW_KINDS:
        for centre in list(chosen):
            for place in (centre + 1, centre - 1, centre + 2):
                fits = 0 <= place < len(parts) and len(parts[place]) <= room
                if fits and place not in chosen:
                    chosen.append(place)
                    room -= len(parts[place]) + 3
    return sorted(chosen)


def _split(chunk: Chunk) -> list[str]:
    """Rows of a table; steps, list items and sentences of a text."""
    if chunk.kind in ROW_KINDS:
        return [line for line in chunk.text.split("\n") if line.strip()]
    parts: list[str] = []
    for part in _SENTENCE.split(chunk.text):
        if parts and _LIST_NUMBER.match(parts[-1]):
            parts[-1] += f" {part}"
        elif part.strip():
            parts.append(part)
    return parts or [chunk.text]


def quotation(
    chunks: Sequence[Chunk],
    citations: Sequence[Citation],
    relevance: Relevance,
    language: Language,
) -> str:
    """Markdown of at most three quotations, each with page, section and [n].

    Those of several machines are put under each machine's name.
    """
    blocks: list[str] = []
    machines = [chunk.machine for chunk in chunks[:3]]
    for place, (chunk, citation) in enumerate(zip(chunks[:3], citations[:3], strict=False)):
        room = _FIRST if place == 0 else _OTHERS
        if chunk.kind == "procedure":
            room = _PROCEDURE  # steps are never left out: half a procedure is a danger
        lead = ["quote.lead", "quote.more"][min(place, 1)]
        head = f"**{say(lead, language)}**\n\n" if place < 2 else ""
        if len(set(machines)) > 1 and chunk.machine not in machines[:place]:
            head += f"**{verbatim(chunk.machine)}:**\n\n"
        quoted = _blockquote(best_part(chunk, relevance, room), chunk.kind)
        blocks.append(f"{head}{quoted}\n>\n> — {place_of(citation, language)} [{citation.n}]")
    return "\n\n".join(blocks)


def place_of(citation: Citation, language: Language) -> str:
    """Title, page and section as people say them."""
    place = say("quote.place", language, title=citation.title, label=citation.label)
    section = " › ".join(citation.heading[-2:])
    return verbatim(f"{place} · {section}" if section else place)


def _blockquote(text: str, kind: str) -> str:
    """Verbatim lines behind ">": steps stay a list, small tables tables, rows show their cells."""
    if kind in ROW_KINDS:
        lines = _as_table(text) or _as_cells(text)
    else:
        lines = [
            shown if _STEP.match(shown) or not shown else f"{shown}  "
            for shown in (verbatim(line.strip()) for line in text.split("\n"))
        ]
    return "\n".join(f"> {line}".rstrip(" ") if not line else f"> {line}" for line in lines)


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
