"""Running headers and footers, found by repetition; printed page labels read from them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from rag.ingest.layout import Line, PageLayout

_MARGIN = 0.13  # share of the page's height at top and bottom where furniture can stand
_SLOT = 6.0  # points; lines this close in height stand in the same place
_ROMAN = r"[ivxlcdm]{1,7}|[IVXLCDM]{1,7}"
_LABEL = re.compile(rf"(?<![\w.,])(?:[A-Z]?\d{{1,3}}[-–/])?(\d{{1,4}}|{_ROMAN})(?![\w.,])")
_NUMBER = re.compile(rf"\d+|\b(?:{_ROMAN})\b")


class Furniture:
    """Learns what repeats in the margins, in two passes over the pages, then marks it."""

    def __init__(self) -> None:
        self._pages = 0
        # Patterns by their hashes: the texts of a long manual's margins would fill memory.
        self._repeats: Counter[int] = Counter()
        self._slots: dict[tuple[str, int, int], list[int]] = defaultdict(lambda: [0, 0])

    def see(self, page: PageLayout) -> None:
        """First pass: count on how many pages a pattern stands."""
        self._pages += 1
        found = {
            key for line in _margins(page) for key in _keys(line, _slot(page, line))
        }  # once a page
        self._repeats.update(found)

    def learn(self, page: PageLayout) -> None:
        """Second pass: count how many of the lines of each place repeat."""
        for line in _margins(page):
            slot = _slot(page, line)
            counted = self._slots[slot]
            counted[0] += self._is_repeated(line, slot)
            counted[1] += 1

    def mark(self, page: PageLayout) -> None:
        """Give the role "furniture" to the lines of the margins that repeat."""
        for line in _margins(page):
            slot = _slot(page, line)
            repeated, all_lines = self._slots[slot]
            # A chapter's name in the running header repeats only within its chapter, but it
            # stands in the place and size of lines that do repeat.
            if self._is_repeated(line, slot) or (all_lines >= 4 and repeated > 0.5 * all_lines):
                line.role = "furniture"

    def _is_repeated(self, line: Line, slot: tuple[str, int, int]) -> bool:
        often = max(3, min(self._pages // 10, 8))
        least = min(often, max(self._pages - 1, 2))
        return any(self._repeats[key] >= least for key in _keys(line, slot))


def _keys(line: Line, slot: tuple[str, int, int]) -> list[int]:
    return [hash((slot[0], slot[2], part)) for part in _patterns(line)]


def _margins(page: PageLayout) -> list[Line]:
    return [
        line
        for line in page.lines
        if line.role == "body"
        and (line.rect[3] < _MARGIN * page.height or line.rect[1] > (1 - _MARGIN) * page.height)
    ]


def _slot(page: PageLayout, line: Line) -> tuple[str, int, int]:
    """Where a line stands, measured from the nearer edge, and how large its letters are."""
    if line.rect[1] < page.height / 2:
        return "top", round(line.rect[3] / _SLOT), round(line.size)
    return "bottom", round((page.height - line.rect[1]) / _SLOT), round(line.size)


def _patterns(line: Line) -> list[str]:
    """What may repeat: the parts of the line (left, middle, right), their numbers taken out."""
    return [_NUMBER.sub("#", part) for part in line.text.split("\t")]


def page_labels(seen: Sequence[Sequence[str]], from_file: Sequence[str]) -> list[str]:
    """The printed label of each page: the file's own labels when it has any, else what headers
    and footers say (``seen``: ``label_candidates`` of each page), else the physical index."""
    if any(from_file) and from_file != [str(number + 1) for number in range(len(seen))]:
        return [label or str(n + 1) for n, label in enumerate(from_file)]
    labels = [_best(seen, number) for number in range(len(seen))]
    for number, label in enumerate(labels):
        if not label and 0 < number < len(labels) - 1:
            before, after = _value(labels[number - 1]), _value(labels[number + 1])
            if before and after and before[0] == after[0] and after[1] - before[1] == 2:
                labels[number] = f"{before[0]}{before[1] + 1}" if before[2] else ""
    return [label or str(number + 1) for number, label in enumerate(labels)]


def label_candidates(page: PageLayout) -> list[str]:
    """What may be the printed label of ``page``, whose furniture is marked."""
    margins = {id(line) for line in _margins(page)}
    return [
        match.group()
        for line in page.lines
        if line.role == "furniture" or (id(line) in margins and len(line.text) < 12)
        for match in _LABEL.finditer(line.text)
    ]


def _best(seen: Sequence[Sequence[str]], number: int) -> str:
    """The candidate that counts on from and to the most neighbours; "" when none does."""
    support: Counter[str] = Counter()
    for label in dict.fromkeys(seen[number]):
        value = _value(label)
        if value is None:
            continue
        for distance in (-2, -1, 1, 2):
            if 0 <= number + distance < len(seen):
                wanted = (value[0], value[1] + distance, value[2])
                support[label] += wanted in map(_value, seen[number + distance])
        if value[1] == 1 and value[0]:
            support[label] += 1  # the first page of a chapter has no predecessor
    best = support.most_common(1)
    return best[0][0] if best and best[0][1] > 0 else ""


def _value(label: str) -> tuple[str, int, bool] | None:
    """(prefix, number, whether in digits): "3-14" → ("3-", 14, True), "iv" → ("", 4, False)."""
    match = re.fullmatch(rf"(.*?[-–/])?(\d+|{_ROMAN})", label)
    if not match:
        return None
    if match[2].isdigit():
        return match[1] or "", int(match[2]), True
    return match[1] or "", _roman(match[2].lower()), False


def _roman(text: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}[c] for c in text]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )
