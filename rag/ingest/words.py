"""Words as drawn, so that one that runs over a ruling line is not torn in two."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.ingest.layout import Glyph, Rect, union

# Letters of one word follow each other closely; two words of neighbouring cells that happen to
# touch or overlap do not. In letter sizes; kerning is within these.
_LEAST_GAP, _MOST_GAP = -0.25, 0.16
_ALIGNED = 0.4  # points by which texts of one column may differ on the left
_LEAST_ALIGNED = 3  # texts that begin at one place before that counts as the column's


@dataclass(slots=True)
class Word:
    """Characters without a blank between them, and the rectangle around them."""

    glyphs: list[Glyph]
    rect: Rect


def words_of(glyphs: Sequence[Glyph]) -> list[Word]:
    """The words of ``glyphs``, which stand in the order in which the file draws them."""
    runs: list[list[Glyph]] = []
    for glyph in glyphs:
        if runs and _goes_on(runs[-1][-1], glyph):
            runs[-1].append(glyph)
        else:
            runs.append([glyph])
    return [Word(run, union(glyph.rect for glyph in run)) for run in runs]


def _goes_on(last: Glyph, glyph: Glyph) -> bool:
    size = max(last.size, glyph.size, 1.0)
    return (
        not glyph.after_space
        and abs(glyph.rect[3] - last.rect[3]) < 0.5 * size
        and _LEAST_GAP * size < glyph.rect[0] - last.rect[2] < _MOST_GAP * size
    )


def text_starts(lefts: Sequence[float], columns: Sequence[float]) -> dict[int, float]:
    """Where the texts of each column begin, for those that are set flush left."""
    found: dict[int, Counter[float]] = defaultdict(Counter)
    for left in lefts:
        found[bisect_right(columns, left) - 1][round(left, 1)] += 1
    common = {column: counted.most_common(1)[0] for column, counted in found.items()}
    return {column: left for column, (left, count) in common.items() if count >= _LEAST_ALIGNED}


def split_at(word: Word, starts: Mapping[int, float]) -> list[Word]:
    """``word``, or its parts when two columns touch: "HerstellerModell"."""
    for number, (last, glyph) in enumerate(pairwise(word.glyphs), start=1):
        begins = any(abs(glyph.rect[0] - start) < _ALIGNED for start in starts.values())
        opens = glyph.text.isupper() or glyph.text.isdigit()
        if begins and opens and last.text.islower():
            parts = word.glyphs[:number], word.glyphs[number:]
            first, rest = (Word(part, union(glyph.rect for glyph in part)) for part in parts)
            return [first, *split_at(rest, starts)]
    return [word]


def column_of(rect: Rect, columns: Sequence[float], starts: Mapping[int, float]) -> int:
    """The column in which the word at ``rect`` belongs; -1 when it stands beside the table.

    That is the one where it begins when the texts of that column begin there, however far it runs
    out to the right; else the one with more than half of it; else the one where it begins.
    """
    x0, _, x1, _ = rect
    first = bisect_right(columns, x0) - 1
    if abs(starts.get(first, -1e9) - x0) < _ALIGNED:
        return first
    for column, (left, right) in enumerate(pairwise(columns)):
        if min(x1, right) - max(x0, left) > (x1 - x0) / 2:
            return column
    return first if 0 <= first < len(columns) - 1 else -1
