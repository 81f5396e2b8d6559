"""The day from which a manual is valid, as its first pages print it."""

from __future__ import annotations

import re
from datetime import date

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januar|jänner|january|jan",
            "februar|february|feb",
            "märz|march|mär|mar",
            "april|apr",
            "mai|may",
            "juni|june|jun",
            "juli|july|jul",
            "august|aug",
            "september|sept|sep",
            "oktober|october|okt|oct",
            "november|nov",
            "dezember|december|dez|dec",
        ),
        start=1,
    )
    for name in names.split("|")
}
_MONTH = r"(?P<name>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DATES = [
    re.compile(rf"{_YEAR}-(?P<month>\d\d)(?:-(?P<day>\d\d))?\b"),
    re.compile(rf"(?:(?P<day>\d\d?)\. ?)?(?P<month>\d\d?)\. ?{_YEAR}\b"),
    re.compile(rf"(?P<month>\d\d?) ?/ ?{_YEAR}\b"),
    re.compile(rf"(?:(?P<day>\d\d?)(?:\.|st|nd|rd|th)? )?{_MONTH} {_YEAR}\b", re.IGNORECASE),
    re.compile(rf"{_MONTH} (?P<day>\d\d?), {_YEAR}\b", re.IGNORECASE),
]
# The strongest word first: a manual may be printed in March and be valid from June.
_WORDS = [
    re.compile(words, re.IGNORECASE)
    for words in (
        r"\bgültig (?:ab|seit)\b|\bvalid (?:from|as of)\b|\beffective(?: date| from| as of)?\b",
        r"\bStand\b(?! der)|\bAusgabe(?:datum|stand)?\b|\bErscheinungsdatum\b|\bFreigabedatum\b"
        r"|\bedition\b|\bissue(?:d| date)?\b|\bdate of issue\b|\brelease(?:d| date)?\b"
        r"|\bpublished\b|\bas of\b",
        r"\bRev(?:ision)?\b\.?|\bVersion\b|\bDatum\b|\bdate\b",
    )
]
_REACH = 28  # characters after the word in which the date must begin


def valid_from(text: str) -> str:
    """The ISO date that stands after a word for it, or "". Of a month it is the first day."""
    for words in _WORDS:
        for word in words.finditer(text):
            line = text[word.end() :].split("\n", 1)[0]
            found = [match for one in _DATES if (match := one.search(line[: _REACH + 20]))]
            near = [match for match in found if match.start() <= _REACH]
            for match in sorted(near, key=lambda match: (match.start(), -len(match.group()))):
                if day := _iso(match):
                    return day
    return ""


def _iso(match: re.Match[str]) -> str:
    said = match.groupdict()
    name = said.get("name")
    month = _MONTHS[name.casefold()] if name else int(said["month"])
    try:
        return date(int(said["year"]), month, int(said.get("day") or 1)).isoformat()
    except ValueError:
        return ""
