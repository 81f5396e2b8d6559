"""Maintenance intervals: column heads and crosses of a matrix in words."""

from __future__ import annotations

import re

from rag.types import Language

_CROSS = frozenset("x X × ✕ ✖ ✗ ✘ ✓ ✔ ● • ■ ◆ ☒ ☑ + o O".split())
_ADVERB = re.compile(
    r"täglich|wöchentlich|monatlich|jährlich|schicht|daily|weekly|monthly|quarterly|yearly|"
    r"annual|shift|vierteljähr|halbjähr|(?:bei|nach|vor|after|before|when|on|first|erst)\b",
    re.IGNORECASE,
)
_EVERY = re.compile(r"^(?:alle|jede[nrs]?|every|each|per)\b", re.IGNORECASE)
_PERIOD = re.compile(
    r"\d[\d.,]*\s*(?:\]|\)|$|h\b|bh\b|std|stunde|betriebs|hour|hrs|tag|day|woche|week|monat|month|"
    r"jahr|year|mon\b|a\b|km|zykl|cycle|hübe|stroke)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:wartungs|prüf|maintenance|service|inspection)?[- ]?"
    r"(?:intervalle?|frist(?:en)?|intervals?)\b[:\s]*",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"[\[(]\s*([^\])]{1,16})\s*[\])]|\bin\s+(\w{1,16})\b")


def is_cross(cell: str) -> bool:
    """Whether a cell of a matrix says "yes"."""
    return cell.strip() in _CROSS


def is_interval(name: str) -> bool:
    """Whether a column's name says how often: "2.000 h", "täglich", "every 6 months"."""
    return bool(_ADVERB.search(name) or _EVERY.match(name) or _PERIOD.search(name))


def interval_in_words(name: str, language: Language) -> str:
    """The interval ``name`` of a crossed column: ``"2.000 h"`` → ``"alle 2.000 h"``."""
    rest = _LEAD.sub("", name).strip()
    unit = ""
    if found := _BRACKETED.search(rest):
        without = (rest[: found.start()] + rest[found.end() :]).strip()
        if re.fullmatch(r"[\d.,]+", without):
            unit, rest = found[1] or found[2], without
    if _ADVERB.search(rest) or _EVERY.match(rest):
        return rest[0].lower() + rest[1:] if rest[:1].isupper() and rest[1:2].islower() else rest
    if rest[:1].isdigit():
        every = "alle" if language == "de" else "every"
        return f"{every} {rest} {unit}".strip()
    return rest
