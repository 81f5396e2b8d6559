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


def mark_furniture(pages: Sequence[PageLayout]) -> None:
    """Give the role "furniture" to lines of the margins that repeat from page to page."""
    by_text: dict[tuple[str, int, str], set[int]] = defaultdict(set)
    candidates = [(page, line, _slot(page, line)) for page in pages for line in _margins(page)]
    for page, line, (edge, _, size) in candidates:
        for part in _patterns(line):
            by_text[edge, size, part].add(page.index)
    often = max(3, min(len(pages) // 10, 8))

    def repeats(line: Line, edge: str, size: int) -> bool:
        least = min(often, max(len(pages) - 1, 2))
        return any(len(by_text[edge, size, part]) >= least for part in _patterns(line))

    slots: dict[tuple[str, int, int], list[bool]] = defaultdict(list)
    for _, line, slot in candidates:
        slots[slot].append(repeats(line, slot[0], slot[2]))
    for _, line, slot in candidates:
        known = slots[slot]
        # A chapter's name in the running header repeats only within its chapter, but it stands
        # in the place and size of lines that do repeat.
        if repeats(line, slot[0], slot[2]) or (len(known) >= 4 and sum(known) > 0.5 * len(known)):
            line.role = "furniture"


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


def page_labels(pages: Sequence[PageLayout], from_file: Sequence[str]) -> list[str]:
    """The printed label of each page: the file's own labels when it has any, else what headers
    and footers say, else the physical index."""
    if any(from_file) and from_file != [str(number + 1) for number in range(len(pages))]:
        return [label or str(n + 1) for n, label in enumerate(from_file)]
    seen = [_candidates(page) for page in pages]
    labels = [_best(seen, number) for number in range(len(pages))]
    for number, label in enumerate(labels):
        if not label and 0 < number < len(labels) - 1:
            before, after = _value(labels[number - 1]), _value(labels[number + 1])
            if before and after and before[0] == after[0] and after[1] - before[1] == 2:
                labels[number] = f"{before[0]}{before[1] + 1}" if before[2] else ""
    return [label or str(number + 1) for number, label in enumerate(labels)]


def _candidates(page: PageLayout) -> list[str]:
    return [
        match.group()
        for line in page.lines
        if line.role == "furniture" or (line in _margins(page) and len(line.text) < 12)
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
