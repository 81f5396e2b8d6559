"""Answers without a language model: the passages that answer, verbatim, with their place.

Rows and sentences that share the question's words come first; a procedure is given with all its
steps, a table row with its headers. At most three quotations, the first the longest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.clean import verbatim
from rag.answer.records import codes_of, words_of
from rag.answer.values import find_values
from rag.messages import say
from rag.types import Chunk, Citation, Language

_FIRST, _FIRST_PROCEDURE, _OTHERS = 700, 2400, 360
_ROW_KINDS = frozenset({"table", "fault", "parts", "maintenance"})
_STEP = re.compile(r"^\s*(\d{1,2})[.)]\s+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ•\-])|\n+")
_LIST_ITEM = re.compile(r"^\s*(?:[•▪–—*-]|\d{1,2}[.)]|[a-z]\))\s+")
_ASKS_VALUE = re.compile(
    r"\b(?:wie ?viel\w*|wie (?:hoch|lang\w*|oft|groß|schwer|tief|breit|warm|heiß|viele?)"
    r"|welche[rsnm]? \w*(?:druck|moment|temperatur|spannung|menge|öl|drehzahl|leistung|wert|maß)\w*"
    r"|wann|how (?:much|many|often|long|high|tight|hot|big|deep|wide|heavy)"
    r"|what (?:is the )?\w* ?(?:pressure|torque|temperature|voltage|capacity|speed|power|interval)"
    r"|when)\b",
    re.IGNORECASE,
)


def asks_for_value(question: str) -> bool:
    """Whether the answer's first thing is a number."""
    return _ASKS_VALUE.search(question) is not None


def best_part(chunk: Chunk, question: str, characters: int) -> str:
    """The lines or sentences of a passage that say most about the question, in their order.

    Verbatim, at most ``characters`` long (at least one line); left-out parts show as " … ".
    """
    if len(chunk.text) <= characters:
        return chunk.text
    parts = [part for part in _split(chunk) if part.strip()]
    scores = _scores(parts, chunk, question)
    chosen: set[int] = set()
    room = characters
    for index in sorted(range(len(parts)), key=lambda i: (-scores[i], i)):
        for near in (index, index + 1, index - 1):
            related = near == index or (scores[near] > 0 if 0 <= near < len(parts) else False)
            if related and near not in chosen and len(parts[near]) + 3 <= room:
                chosen.add(near)
                room -= len(parts[near]) + 3
        if scores[index] <= 0 and chosen:
            break
    if not chosen:
        best = max(range(len(parts)), key=lambda i: scores[i])
        return parts[best][:characters].rsplit(" ", 1)[0] + " …"
    joiner = "\n" if chunk.kind in _ROW_KINDS or "\n" in chunk.text else " "
    out: list[str] = []
    for index in sorted(chosen):
        if out and index - 1 not in chosen:
            out.append("…")
        out.append(parts[index])
    return joiner.join(out)


def quotation(
    chunks: Sequence[Chunk], citations: Sequence[Citation], question: str, language: Language
) -> str:
    """Markdown of at most three quotations, each with page, section and [n]."""
    blocks: list[str] = []
    for place, (chunk, citation) in enumerate(zip(chunks[:3], citations[:3], strict=False)):
        if place == 0:
            room = _FIRST_PROCEDURE if chunk.kind == "procedure" else _FIRST
        else:
            room = _OTHERS
        lead = ["quote.lead", "quote.more"][min(place, 1)]
        head = f"**{say(lead, language)}**\n\n" if place < 2 else ""
        quoted = _blockquote(best_part(chunk, question, room))
        blocks.append(f"{head}{quoted}\n>\n> — {place_of(citation, language)} [{citation.n}]")
    return "\n\n".join(blocks)


def place_of(citation: Citation, language: Language) -> str:
    """Title, page and section as people say them."""
    if citation.last_page != citation.page:
        place = say("quote.place", language, title=citation.title, label=citation.label)
    else:
        place = say("quote.place", language, title=citation.title, label=citation.label)
    section = " › ".join(citation.heading[-2:])
    return verbatim(f"{place} · {section}" if section else place)


def _blockquote(text: str) -> str:
    """Verbatim lines behind ">"; each printed line stays a line, numbered steps stay a list."""
    lines = []
    for line in text.split("\n"):
        shown = verbatim(line.strip())
        step = _STEP.match(shown)
        lines.append(f"> {shown}" if step or not shown else f"> {shown}  ")
    return "\n".join(lines)


def _split(chunk: Chunk) -> list[str]:
    """Rows of a table; list items and sentences of a text (wrapped lines are joined first)."""
    if chunk.kind in _ROW_KINDS:
        return chunk.text.split("\n")
    return _SENTENCE.split(chunk.text)


def _scores(parts: Sequence[str], chunk: Chunk, question: str) -> list[float]:
    wanted = words_of(question, chunk.language)
    codes = set(codes_of(question))
    frequency: dict[str, int] = {}
    words = [words_of(part, chunk.language) for part in parts]
    for found in words:
        for word in found & wanted:
            frequency[word] = frequency.get(word, 0) + 1
    value = asks_for_value(question)
    scores = []
    for part, found in zip(parts, words, strict=True):
        score = sum(1.0 / frequency[word] ** 0.5 for word in found & wanted)
        score += 5.0 * len(codes & codes_of(part).keys())
        if value and score and find_values(part, chunk.language):
            score += 0.7
        scores.append(score)
    return scores
