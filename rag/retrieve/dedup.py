"""Passages that say the same are one hit, with all their pages; not when a value differs.

Two passages that differ only in "25 Nm" and "30 Nm" overlap by 0.95: words alone must not decide.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from rag.codes import find_codes, fold_code
from rag.retrieve.analyzer import pieces
from rag.types import Chunk, Hit

_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
# Texts whose long words overlap by less than this are not worth a closer look, whatever the
# normalising would do to their spelling.
_LOOK_CLOSER = 0.5


def merge_duplicates(hits: Sequence[Hit], *, jaccard: float) -> list[Hit]:
    """The hits without repetitions, in order; a dropped one's place goes to the next, its chunk
    to ``also_on`` of the one that stays. ``jaccard`` is the overlap from which texts are one."""
    kept: list[tuple[Hit, _Print]] = []
    for hit in hits:
        mine = _Print(hit.chunk)
        for number, (other, theirs) in enumerate(kept):
            if mine.same_as(theirs, jaccard):
                also = (*other.also_on, hit.chunk, *hit.also_on)
                kept[number] = (replace(other, also_on=also), theirs)
                break
        else:
            kept.append((hit, mine))
    return [hit for hit, _ in kept]


class _Print:
    """What two passages are compared by; what is dear is made only for those that look alike."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.machine = (chunk.machine, chunk.manual_id if not chunk.machine else "", chunk.revision)
        self.long_words = frozenset(_LONG_WORD.findall(chunk.text.casefold()))
        # Equal values have equal digits, but for zeros ("0,60" and "0.6") and ways to write ½.
        self.digits = tuple(chunk.text.count(digit) for digit in "3456789")

    def same_as(self, other: _Print, jaccard: float) -> bool:
        if (self.machine, self.digits) != (other.machine, other.digits):
            return False
        if not _overlap(self.long_words, other.long_words, min(jaccard, _LOOK_CLOSER)):
            return False
        if (self.codes, self.values) != (other.codes, other.values):
            return False
        return self.digest == other.digest or _overlap(self.words, other.words, jaccard)

    @cached_property
    def codes(self) -> frozenset[str]:
        return frozenset(
            fold_code(code) for code in (*self.chunk.codes, *find_codes(self.chunk.text))
        )

    @cached_property
    def _text(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The words in order, and the values (numbers, measures, codes) sorted."""
        words: list[str] = []
        values: list[str] = []
        for piece in pieces(self.chunk.text):
            kept = words if piece.kind in ("word", "hyphenated") else values
            kept.append(piece.text)
        return tuple(words), tuple(sorted(values))

    @property
    def values(self) -> tuple[str, ...]:
        return self._text[1]

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(self._text[0])

    @cached_property
    def digest(self) -> bytes:
        return hashlib.sha256(" ".join(self._text[0]).encode()).digest()


def _overlap(mine: frozenset[str], theirs: frozenset[str], jaccard: float) -> bool:
    """Whether the sets' Jaccard index reaches ``jaccard``; two empty sets are alike."""
    union = len(mine | theirs)
    return len(mine & theirs) >= jaccard * union
