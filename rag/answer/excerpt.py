"""The lines of a passage that answer: rows of a table, sentences of a text, steps of a procedure.

Always verbatim and in their order; "…" stands for what is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.records import ROW_KINDS
from rag.answer.relevance import Relevance
from rag.answer.values import has_values
from rag.retrieve.intent import intent_of
from rag.types import Chunk, Language

LEFT_OUT = "…"
STEP = re.compile(r"^\s*(\d{1,2})[.)]\s+")
_SENTENCE = re.compile(r"(?<=[^\W\d_][.!?])\s+(?=[A-ZÄÖÜ•–-])|(?<=\d[.!?])\s+(?=[A-ZÄÖÜ])|\n+")
_LIST_NUMBER = re.compile(r"^\s*\d{1,2}[.)]$")
_WHEN = re.compile(r"\bwann\b|^when\b|\bhow many\b", re.IGNORECASE)
# Rows and sentences that score at least this share of the best one are quoted with it.
_NEARLY_AS_GOOD = 0.55


def asks_for_value(question: str, language: Language) -> bool:
    """Whether the answer's first thing is a number."""
    return intent_of(question, language) in ("value", "interval") or bool(_WHEN.search(question))


def best_part(chunk: Chunk, relevance: Relevance, characters: int) -> str:
    """The lines or sentences of a passage that say most about the question.

    About ``characters`` long (at least one line).
    """
    if len(chunk.text) <= characters and chunk.kind != "table":
        return chunk.text
    parts = _split(chunk)
    title = parts.pop(0) if chunk.kind == "table" and " | " not in parts[0] else ""
    if not parts:
        return title
    alone = chunk.kind in ROW_KINDS or STEP.search(parts[-1]) is not None
    scores = relevance.scores(parts, chunk.language)
    chosen = _choose(parts, scores, characters - len(title), alone=alone)
    if relevance.asks_value:
        chosen = _with_value(parts, scores, chosen, chunk.language)
    out = [title] if title else []
    last = -1
    for place in chosen:
        if place != last + 1:
            out.append(LEFT_OUT)
        out.append(parts[place])
        last = place
    if last + 1 < len(parts):
        out.append(LEFT_OUT)
    joiner = "\n" if chunk.kind in ROW_KINDS or "\n" in chunk.text else " "
    text = joiner.join(out)
    return text if len(text) <= 2 * characters else shortened(text, 2 * characters)


def best_line(chunk: Chunk, relevance: Relevance) -> str:
    """The one line or sentence that says most."""
    parts = _split(chunk)
    scores = relevance.scores(parts, chunk.language)
    return parts[max(range(len(parts)), key=lambda place: scores[place])]


def best_line_score(chunk: Chunk, relevance: Relevance) -> float:
    """What the passage's best single line or sentence says about the question."""
    return relevance.best(_split(chunk), chunk.language)


def shortened(text: str, characters: int) -> str:
    """``text`` cut behind a word."""
    if len(text) <= characters:
        return text
    return f"{text[:characters].rsplit(' ', 1)[0]} {LEFT_OUT}"


def steps_of(text: str) -> int:
    """How many numbered steps there are."""
    return sum(STEP.match(line) is not None for line in text.split("\n"))


def _choose(parts: Sequence[str], scores: Sequence[float], room: int, *, alone: bool) -> list[int]:
    """Places of the parts to quote: the best ones, then in running text their neighbours. Rows
    and steps stand ``alone``; what all of them say does not tell them apart."""
    common = min(scores) if alone else 0.0
    best = max(scores) - common
    ranked = sorted(range(len(parts)), key=lambda place: (-scores[place], place))
    chosen: list[int] = []
    for place in ranked:
        good = scores[place] - common >= _NEARLY_AS_GOOD * best
        if chosen and (not good or len(parts[place]) > room):
            continue
        chosen.append(place)
        room -= len(parts[place]) + 3
    if not alone:
        for centre in list(chosen):
            for place in (centre + 1, centre - 1, centre + 2):
                fits = 0 <= place < len(parts) and len(parts[place]) <= room
                if fits and place not in chosen:
                    chosen.append(place)
                    room -= len(parts[place]) + 3
    return sorted(chosen)


def _with_value(
    parts: Sequence[str], scores: Sequence[float], chosen: list[int], language: Language
) -> list[int]:
    """Where a value is asked for and no chosen part has one, the best part that has."""
    valued = {place for place, part in enumerate(parts) if has_values(part, language)}
    if not valued or valued & set(chosen):
        return chosen
    return sorted([*chosen, max(valued, key=lambda place: (scores[place], -place))])


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
