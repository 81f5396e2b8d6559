"""Which passages' BM25 weights lie in the vector store, so that only changed ones are written."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.retrieve.counts import Counts

if TYPE_CHECKING:
    from rag.store.vectors import VectorIndex

Hashes = NDArray[np.uint32]
Sparse = tuple[list[int], list[float]]

_KEY = "keywords_written"
_FORM = "2"  # of the vectors: see ``rag.retrieve.sparse``
_BATCH = 500


class State(Protocol):
    """Where a text can be kept: the library."""

    def state_get(self, key: str) -> str | None: ...
    def state_set(self, key: str, value: str) -> None: ...


class Writer:
    """Writes the vectors of manual after manual, leaving out what is there already."""

    def __init__(self, vectors: VectorIndex, state: State, present: Mapping[str, int]) -> None:
        """``present``: how many passages of each manual have weights, as the store counts them.
        It is asked because its points may be lost, or made anew without weights."""
        self._vectors = vectors
        self._state = state
        self._present = present
        self._form = f"{_FORM} {vectors.collection}"
        self._known = self._read()
        self._now: dict[str, str] = {}

    def write(
        self,
        manual_id: str,
        ids: Sequence[bytes],
        hashes: Hashes,
        vector_of: Callable[[int], Sparse],
    ) -> None:
        """Write the passages whose ``hashes`` are others than those of what was written last.
        ``vector_of`` gives the vector of a passage by its number."""
        known = self._known.get(manual_id)
        changed = np.arange(len(ids))
        if known and self._present.get(manual_id, 0) == len(ids):
            old = np.frombuffer(base64.b64decode(known), np.uint32)
            if len(old) == len(ids):
                changed = np.flatnonzero(old != hashes)
        for first in range(0, len(changed), _BATCH):
            batch = changed[first : first + _BATCH].tolist()
            self._vectors.upsert_keywords(
                [ids[number].decode() for number in batch], [vector_of(number) for number in batch]
            )
        self._now[manual_id] = base64.b64encode(hashes.tobytes()).decode()

    def close(self) -> None:
        """Remember what was written; manuals that were not named are forgotten."""
        if self._now != self._known:
            self._state.state_set(_KEY, json.dumps({"form": self._form, "manuals": self._now}))

    def _read(self) -> dict[str, str]:
        try:
            kept = json.loads(self._state.state_get(_KEY) or "{}")
        except ValueError:  # an earlier version's
            return {}
        if not isinstance(kept, dict) or kept.get("form") != self._form:
            return {}
        manuals: dict[str, str] = kept["manuals"]
        return manuals


def hashes_of(counts: Counts, term_hashes: NDArray[np.int64]) -> Hashes:
    """A number for each passage that changes with its terms and their counts, not with the
    terms' numbers."""
    mixed = term_hashes[counts.terms].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= counts.counts.astype(np.uint64) * np.uint64(2) + np.uint64(1)
    mixed ^= mixed >> np.uint64(32)
    sums = np.zeros(len(counts.lengths), np.uint64)
    np.add.at(sums, counts.documents, mixed)
    sums += counts.lengths.astype(np.uint64)
    return ((sums ^ (sums >> np.uint64(32))) & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def rows_of(counts: Counts) -> Iterator[slice]:
    """Where each passage's entries are."""
    starts = np.searchsorted(counts.documents, np.arange(len(counts.lengths) + 1)).tolist()
    for first, last in pairwise(starts):
        yield slice(first, last)
