"""Tell German from English in a question or a passage, by its commonest words."""

from __future__ import annotations

import re

from rag.types import Language

_WORD = re.compile(r"[^\W\d_]+")
_GERMAN = frozenset(
    "der die das den dem des ein eine einen einem einer und oder ist sind wird werden wurde nicht "
    "mit von vom für auf aus bei beim zu zum zur im am an in wie was wer wo wann warum welche "
    "welcher welches welchen wieviel viel ich wir sie es man kann muss soll darf hat haben sich "
    "nach vor über unter durch ohne bis alle kein keine auch nur noch wenn dass als um gibt "
    "steht heißt bedeutet tun macht geht oft lange fest hoch groß mein meine bitte".split()
)
_ENGLISH = frozenset(
    "the a an and or is are was were be been not with of for on from at by to into how what who "
    "where when why which much many i we you it they can must should may do does did has have "
    "after before over under through without until all no also only if that as there this my "
    "please often long tight high mean means does".split()
)

_CLEAR = 4  # words that must be the other language's


def detect_language(text: str, default: Language = "de") -> Language:
    """``"de"`` or ``"en"``; ``default`` when neither language's words win (a bare code, say)."""
    german, english = _votes(text)
    if german == english:
        return default
    return "de" if german > english else "en"


def language_of_passage(text: str, around: Language) -> Language:
    """The language of a piece of a text that is in ``around``.

    Only clear words of its own make it another one: rows of a table have too few, and some words
    are common in both ("die", "an", "in", "also").
    """
    german, english = _votes(text)
    own, other = (german, english) if around == "en" else (english, german)
    if own >= _CLEAR and own >= 3 * other:
        return "de" if around == "en" else "en"
    return around


def _votes(text: str) -> tuple[int, int]:
    """How many words are German, how many English."""
    words = [word.lower() for word in _WORD.findall(text)]
    german = sum(word in _GERMAN for word in words) + sum(
        1 for word in words if any(letter in word for letter in "äöüß")
    )
    return german, sum(word in _ENGLISH for word in words)
