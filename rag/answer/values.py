"""Find values with their units in a text, in German and in English spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rag.answer.units import UNIT_BY_NAME, Unit, unit_at
from rag.codes import find_codes
from rag.types import Language

_DIGITS = r"\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*"
_NUMBER = re.compile(
    rf"(?<![\w])(?<!\d[.,/:])(?<![A-Za-z][-‑])([-−–+±]?)(?<![A-Za-z][-‑])({_DIGITS})"
)
_SPACE = re.compile(r"[ \t\u00a0\u202f]?\n?[ \t\u00a0\u202f]?")
_BETWEEN = re.compile(
    r"\s*(?:-|–|—|…|\.\.\.?|\bbis(?: zu)?\b|\bto\b|\bund\b|\band\b|±|\+/-|[x×])\s*[-+−]?"
    rf"(?:{_DIGITS})"
)
_HEADER_UNIT = re.compile(r"[\[(]\s*([^\[\]()]{1,24})\s*[\])]|\bin\s+(\S{1,8})(?=\s*[:|])")
_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(?:\d{2,4})?(?!\d)|\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4}")
_LIST_NUMBER = re.compile(r"^[ \t>*\-#]*\d{1,2}[.)](?=\s)", re.MULTILINE)
_PART_OF_CODE = re.compile(r"/\d|[A-Za-z]\d|[-‑][A-Z]\d")
_SPACED_PART_NUMBER = re.compile(r"(?<!\w)0?\d{3,4} \d{4}(?: \d{2,4})?(?!\w)")
_INTERVALS = [
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), count, UNIT_BY_NAME[unit])
    for words, count, unit in (
        (r"täglich\w{0,2}|daily", 1.0, "d"),
        (r"wöchentlich\w{0,2}|weekly", 1.0, "weeks"),
        (r"monatlich\w{0,2}|monthly", 1.0, "months"),
        (r"vierteljährlich\w{0,2}|quarterly", 3.0, "months"),
        (r"halbjährlich\w{0,2}|half-?yearly|semi-?annual(?:ly)?", 6.0, "months"),
        (r"jährlich\w{0,2}|annual(?:ly)?|yearly", 1.0, "years"),
    )
]
_ANY_INTERVAL = re.compile(
    "|".join(f"(?:{pattern.pattern})" for pattern, _, _ in _INTERVALS), re.IGNORECASE
)
_CITATION = re.compile(r"\[\d+(?:\s*,\s*\d+)*\]")
LINE = 300  # letters of a line at most: what is found in longer texts is not worth its memory


@dataclass(frozen=True, slots=True)
class Value:
    """A number as written from ``start`` to ``end`` (unit included), with what it may mean.

    ``readings`` holds one number, or two where the spelling is open ("1.250" in a German answer
    on an English manual). ``decimals`` is the number of written decimals.
    """

    start: int
    end: int
    written: str
    readings: tuple[float, ...]
    unit: Unit | None
    decimals: int
    digits: str = ""

    @property
    def dimension(self) -> str:
        return self.unit.dimension if self.unit else ""

    def bases(self) -> tuple[float, ...]:
        return tuple(self.unit.base(r) if self.unit else r for r in self.readings)


def find_values(text: str, language: Language) -> list[Value]:
    """All numbers of ``text`` but list numbers, citations and dates; ranges as their two ends.
    Those of lines are kept."""
    return list((_values_of_line if len(text) <= LINE else _values_of)(text, language))


def _values_of(text: str, language: Language) -> tuple[Value, ...]:
    numbers = list(_NUMBER.finditer(text))
    ignored = _no_values(text) if numbers else []
    found_values: list[Value] = []
    for found in numbers:
        if any(start <= found.start(2) < end for start, end in ignored):
            continue
        if found_values and found.start(2) < found_values[-1].end:
            continue  # the "1" of "min-1"
        if _PART_OF_CODE.match(text, found.end()):
            continue
        unit, end = _unit_of(text, found.end())
        sign, digits = found[1], found[2]
        readings = read_number(digits, language)
        if sign in "-−–" and sign and _is_sign(text, found.start()):
            readings = tuple(-reading for reading in readings)
        found_values.append(
            Value(
                found.start(2),
                end,
                text[found.start(2) : end],
                readings,
                unit,
                _places(digits),
                digits,
            )
        )
    if not _ANY_INTERVAL.search(text):
        return tuple(found_values)
    found_values += [
        Value(*found.span(), found[0], (count,), unit, 0)
        for pattern, count, unit in _INTERVALS
        for found in pattern.finditer(text)
        if text[found.start() - 5 : found.start()].lower() not in ("half-", "semi-")
    ]
    return tuple(sorted(found_values, key=lambda value: value.start))


_values_of_line = lru_cache(maxsize=3_000)(_values_of)


@lru_cache(maxsize=2_000)
def has_values(text: str, language: Language) -> bool:
    """Whether a line or a passage says any number."""
    return bool(find_values(text, language))


def _no_values(text: str) -> list[tuple[int, int]]:
    """Where numbers stand that are none to check: of lists, citations, dates and codes."""
    spans = [
        found.span()
        for pattern in (_LIST_NUMBER, _CITATION, _DATE)
        for found in pattern.finditer(text)
    ]
    return spans + code_spans(text)


def code_spans(text: str) -> list[tuple[int, int]]:
    """Where fault codes, part numbers and thread sizes stand."""
    spans = [found.span() for found in _SPACED_PART_NUMBER.finditer(text)]
    for code in find_codes(text):
        spans += [found.span() for found in _whole(code).finditer(text)]
    return spans


@lru_cache(maxsize=1_000)
def _whole(code: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(code)}(?!\w)")


def _is_sign(text: str, position: int) -> bool:
    """A minus, not the dash of a range or of a compound ("5-10", "E-104", "Schritt - 3")."""
    before = text[:position].rstrip(" ")
    return not before or not (before[-1].isdigit() or before[-1].isalpha())


def _unit_of(text: str, position: int) -> tuple[Unit | None, int]:
    """The unit behind a number; the first end of a range takes the unit of the second."""
    space = _SPACE.match(text, position)
    found = unit_at(text, space.end() if space else position) or _hyphenated(text, position)
    if found:
        return found
    second = _BETWEEN.match(text, position)
    if second:
        unit, _ = _unit_of(text, second.end())
        return unit, position
    before = text[max(0, position - 90) : position]
    line = before[before.rfind("\n") + 1 :]
    label = line[max(line.rfind("|"), line.rfind(";")) + 1 :]
    if ":" in label:
        headers = list(_HEADER_UNIT.finditer(label[: label.rfind(":")]))
        for header in reversed(headers):
            spelled = (header[1] or header[2]).strip()
            of_header = unit_at(spelled, 0)
            if of_header and of_header[1] == len(spelled):
                return of_header[0], position
    return None, position


def _hyphenated(text: str, position: int) -> tuple[Unit, int] | None:
    """ "500-h-Wartung", "500-hour service"."""
    return unit_at(text, position + 1) if text[position : position + 1] in "-‑" else None


def read_number(digits: str, language: Language) -> tuple[float, ...]:
    """What a written number may mean, the likelier reading in ``language`` first.

    "1.250" is 1250 in German and 1.25 in English; "2,5" is 2.5 in both, "1.250,5" is 1250.5.
    """
    bare = re.sub(r"['’ \u00a0\u202f]", "", digits)
    points, commas = bare.count("."), bare.count(",")
    if points and commas:
        decimal = "." if bare.rfind(".") > bare.rfind(",") else ","
        return (_with_decimal(bare, decimal),)
    mark = "." if points else ","
    count = points + commas
    if count == 0:
        return (float(bare),)
    groups = bare.split(mark)
    thousands = all(len(group) == 3 for group in groups[1:]) and groups[0] not in ("", "0", "00")
    if count > 1:
        return (float(bare.replace(mark, "")),) if thousands else (float(".".join(groups[:2])),)
    if not thousands or len(groups[0]) > 3:
        return (float(bare.replace(mark, ".")),)
    whole, fraction = float(bare.replace(mark, "")), float(bare.replace(mark, "."))
    grouping = "." if language == "de" else ","
    return (whole, fraction) if mark == grouping else (fraction, whole)


def _with_decimal(bare: str, decimal: str) -> float:
    grouping = "," if decimal == "." else "."
    return float(bare.replace(grouping, "").replace(decimal, "."))


def _places(digits: str) -> int:
    found = re.search(r"[.,](\d+)$", digits)
    return len(found[1]) if found else 0
