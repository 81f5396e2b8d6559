"""Passages that say the same are one hit, with all their pages; not when a value differs.

Two passages that differ only in "25 Nm" and "30 Nm" overlap by 0.95: words alone must not decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from rag.codes import find_codes, fold_code
from rag.retrieve.analyzer import pieces
from rag.types import Chunk, Hit


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
    """What two passages are compared by."""

    def __init__(self, chunk: Chunk) -> None:
        self.machine = (chunk.machine, chunk.manual_id if not chunk.machine else "", chunk.revision)
        self.codes = frozenset(fold_code(code) for code in (*chunk.codes, *find_codes(chunk.text)))
        words: list[str] = []
        values: list[str] = []
        for piece in pieces(chunk.text):
            if piece.kind in ("word", "hyphenated"):
                words.append(piece.text)
            else:
                values.append(piece.text)
        self.words = frozenset(words)
        self.values = tuple(sorted(values))
        self.digest = hashlib.sha256(" ".join(words).encode()).digest()

    def same_as(self, other: _Print, jaccard: float) -> bool:
        if (self.machine, self.codes, self.values) != (other.machine, other.codes, other.values):
            return False
        if self.digest == other.digest:
            return True
        union = len(self.words | other.words)
        return bool(union) and len(self.words & other.words) / union >= jaccard
