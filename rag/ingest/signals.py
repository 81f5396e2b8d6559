"""Signal words of safety notices (ISO 3864-2, ANSI Z535.4), German and English."""

from __future__ import annotations

import re

from rag.types import Signal

SIGNAL_WORDS: dict[str, Signal] = {
    "GEFAHR": Signal.DANGER,
    "WARNUNG": Signal.WARNING,
    "VORSICHT": Signal.CAUTION,
    "HINWEIS": Signal.NOTICE,
    "ACHTUNG": Signal.NOTICE,
    "DANGER": Signal.DANGER,
    "WARNING": Signal.WARNING,
    "CAUTION": Signal.CAUTION,
    "NOTICE": Signal.NOTICE,
    "NOTE": Signal.NOTICE,
    "ANMERKUNG": Signal.NOTICE,
    "IMPORTANT": Signal.NOTICE,
    "WICHTIG": Signal.NOTICE,
}
# The word alone or before "!", ":" or a dash; pictograms around it come out as stray signs.
_AT_START = re.compile(
    rf"^[^\w(]*(?P<word>{'|'.join(SIGNAL_WORDS)})(?=\s*[!:–—]|\s*[^\w\s]*\s*$|\s{{2,}})"
)
_ALONE = re.compile(
    rf"^[^\w(]*(?P<word>{'|'.join(word.capitalize() for word in SIGNAL_WORDS)})\s*[!:]?\s*$"
)


def signal_of(line: str) -> str | None:
    """The signal word that ``line`` opens a notice with, as printed; None when it does not.

    Within a line only capitals count: "Hinweis: siehe Kapitel 3" in running text is no safety
    notice. In small letters the word must have the line to itself.
    """
    found = _AT_START.match(line) or _ALONE.match(line)
    return found["word"] if found else None


def signal_level(word: str) -> Signal:
    """The severity of a signal word as printed. Raises ``KeyError`` for another word."""
    return SIGNAL_WORDS[word.upper()]
