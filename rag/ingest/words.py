"""Words as drawn, so that one that runs over a ruling line is not torn in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.ingest.layout import Glyph, Rect, union

# Letters of one word follow each other closely; two words of neighbouring cells that happen to
# touch or overlap do not. In letter sizes; kerning is within these.
_LEAST_GAP, _MOST_GAP = -0.14, 0.16


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
