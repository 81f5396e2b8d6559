"""Fault codes, part numbers and thread sizes: find them in a text, fold them for look-up.

A code is found as it is printed ("E-104", "4711-0815-B", "M8x1,25"); its folded form is what two
spellings of the same code have in common ("e104"). A bare number is a code only behind a word
that makes it one ("Fehler 104"); years, dates, standards, ranges and values with units are none.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_OTHER_HYPHEN = re.compile("[\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d]")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff\ufffe"), None)

# Words that make the number behind them a fault code, German and English.
_FAULT_WORD = (
    r"(?:fehler|störungs?|stoerungs?|stör|alarm|warn|fault|error|trip)"
    r"(?:[- ]?(?:code|nummer|nr\.?|meldung|number|no\.?|message))?"
    r"|meldung|code|err"
)
_WORD_AND_NUMBER = re.compile(
    rf"(?<![\w-])(?P<word>{_FAULT_WORD})(?P<gap>[\s:#-]{{1,3}})(?P<number>\d{{1,5}})(?![\w-]|[.,]\d)",
    re.IGNORECASE,
)
_LEADING_WORD = re.compile(rf"^(?:{_FAULT_WORD})[\s:#-]*(?=\d)", re.IGNORECASE)

# "E-104", "AL-12.3"; without a hyphen ("E104", "F 101") only letters that panels use for faults.
_FAULT_CODE = re.compile(
    r"(?<![\w.,/-])(?:"
    r"(?P<hyphen>[A-Za-z]{1,3}-\d{1,5}(?:\.\d{1,3})?)"
    r"|(?P<close>[AEFHSWaefhsw][A-Za-z]?\d{2,5}(?:\.\d{1,3})?)"
    r"|(?P<apart>(?:[AEFHW]|ER|AL) \d{2,4})"
    r")(?![\w-]|[.,]\d)"
)
_DIGIT = re.compile(r"\d")
_BEHIND_NUMBER = re.compile(r"\d\s*$")
_NOT_FAULTS = frozenset(
    "din iso en iec vde vdi ansi ip dn pn sw nr no co vg hlp sae api pl cat rev ral ip ph pos abb "
    "fig tab fax tel usb rs ac dc ce eg eu as".split()
)

# Groups of digits and letters joined by hyphens or dots.
_JOINED = re.compile(
    r"(?<![\w.,/-])[A-Za-z0-9]{1,12}(?:[-.][A-Za-z0-9]{1,12}){1,6}(?![\w/]|[-.,]\w)"
)
_DATE = re.compile(r"\d{1,2}[.-]\d{1,2}[.-](?:\d{2}|\d{4})|(?:19|20)\d{2}-\d{1,2}(?:-\d{1,2})?")
_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3})+")
_VALUE = re.compile(
    r"\d+(?:v|a|w|kw|kva|hz|khz|mm|cm|m|km|bar|mbar|nm|n|kn|kg|g|t|h|s|ms|min|l|ml|c|k|rpm|db|ma|"
    r"mpa|kpa|pa|psi|x|fach|polig|teilig|stufig)",
    re.IGNORECASE,
)
_STANDARD_BEFORE = re.compile(
    r"(?:DIN|ISO|EN|IEC|VDE|VDI|ANSI|ASTM|UL|DGUV|BGV|TRBS|NFPA|CFR|OSHA)[\s/A-Z-]*$"
)

_THREAD = re.compile(
    r"(?<![\w.,-])(?:M\d{1,3}(?:(?:\s?[x×]\s?)\d{1,3}(?:[.,]\d{1,2})?)?"
    r"|G\s?\d{1,2}(?:[ -]?\d/\d{1,2})?(?=[\"″”\s.,;)]|$)|G\s?\d/\d{1,2}|SW\s?\d{1,3})(?![\w-])"
)
_FOLDED_THREAD = re.compile(r"^m\d+x\d+[.,]\d+$")


@lru_cache(maxsize=10_000)
def fold_code(code: str) -> str:
    """The form in which spellings of one code are equal: ``"E-104"``, ``"E 104"`` → ``"e104"``.

    A word that only says that a number is a code is dropped: ``"Fehler 104"`` → ``"104"``.
    Folding twice changes nothing.
    """
    text = unicodedata.normalize("NFKC", code.translate(_INVISIBLE))
    text = _OTHER_HYPHEN.sub("-", text)
    text = text.casefold().replace("×", "x").strip()
    text = _LEADING_WORD.sub("", text)
    text = re.sub(r"[\s\-_]", "", text)
    if _FOLDED_THREAD.match(text):
        return text.replace(".", ",")
    return re.sub(r"[^\w,/]|(?<!\d)/|/(?!\d)", "", text)


def find_codes(text: str) -> list[str]:
    """Every fault code, part number and thread size of ``text``, as printed, in order, once."""
    if not _DIGIT.search(text):
        return []  # every code has a digit, and most lines have none
    return _in_order(text, _fault_spans(text) + _part_spans(text) + _thread_spans(text))


def find_fault_codes(text: str) -> list[str]:
    """The fault codes of ``text`` ("E-104", "F 101", "Fehler 104"), as printed, in order, once."""
    parts = _part_spans(text)
    return _in_order(text, [span for span in _fault_spans(text) if not _inside(span, parts)])


def _in_order(text: str, spans: list[tuple[int, int]]) -> list[str]:
    """The texts of ``spans`` by place; of spans that overlap only the longest; each once."""
    kept: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        if not any(span[0] < end and start < span[1] for start, end in kept):
            kept.append(span)
    found: dict[str, str] = {}
    for start, end in sorted(kept):
        found.setdefault(fold_code(text[start:end]), text[start:end])
    return list(found.values())


def _inside(span: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in others)


def _fault_spans(text: str) -> list[tuple[int, int]]:
    text = _OTHER_HYPHEN.sub("-", text)
    spans = [match.span() for match in _WORD_AND_NUMBER.finditer(text)]
    for match in _FAULT_CODE.finditer(text):
        letters = re.match(r"[A-Za-z]*", match.group())
        if letters and letters.group().casefold() in _NOT_FAULTS:
            continue
        if match["apart"] and _BEHIND_NUMBER.search(text[: match.start()]):
            continue  # "20 A 100 V"
        spans.append(match.span())
    return spans


def _part_spans(text: str) -> list[tuple[int, int]]:
    text = _OTHER_HYPHEN.sub("-", text)
    return [
        match.span()
        for match in _JOINED.finditer(text)
        if _is_part_number(match.group())
        and not _STANDARD_BEFORE.search(text[max(0, match.start() - 24) : match.start()])
    ]


def _thread_spans(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _THREAD.finditer(text)]


def _is_part_number(token: str) -> bool:
    groups = re.split(r"[-.]", token)
    digits = sum(letter.isdigit() for letter in token)
    if groups[0].casefold() in _NOT_FAULTS or digits < 4:
        return False
    if _DATE.fullmatch(token) or _THOUSANDS.fullmatch(token):
        return False
    if any(_VALUE.fullmatch(group) for group in groups):
        return False  # "100-240V"
    if any(group.isalpha() and len(group) > 4 for group in groups):
        return False  # "1500-Stunden-Wartung"
    if "." in token and not all(re.search(r"\d", part) for part in token.split(".")):
        return False  # a file name or the end of a sentence
    if all(group.isdigit() for group in groups):
        return _is_all_digit_part_number(groups)
    return len(groups) > 2 or digits > 4 or len(token) > 7


def _is_all_digit_part_number(groups: list[str]) -> bool:
    """``"6.2013.0"`` and ``"4711-0815"``, but no section "7.3.1", no range "1500-3000"."""
    digits = sum(map(len, groups))
    if len(groups) == 2:
        return digits >= 7 and (groups[1].startswith("0") or max(map(len, groups)) > 4)
    return digits >= 5 and max(map(len, groups)) > 2
