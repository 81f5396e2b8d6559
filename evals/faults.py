"""Faults to order, one per stage: proof that the gate would notice a real one.

Used by ``python -m evals.gate --seed-fault NAME`` and nowhere else; each puts something in the
place of a part of the running process, and nothing of it outlives the process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rag.answer import cite
from rag.answer.safety import notices_for
from rag.retrieve import dedup
from rag.retrieve.analyzer import Analyzer
from rag.retrieve.dedup import merge_duplicates
from rag.retrieve.hybrid import fusion_weights
from rag.types import Citation, Hit, Notice


def _put(replacement: Any, original: Any) -> None:
    """Use ``replacement`` wherever a module of ours has ``original``; at least one must."""
    places = [
        (module, name)
        for module_name, module in list(sys.modules.items())
        if module_name.startswith("rag.")
        for name, value in vars(module).items()
        if value is original
    ]
    if not places:
        raise LookupError(f"nothing uses {original.__name__} any more")
    for module, name in places:
        setattr(module, name, replacement)


def tokeniser() -> None:
    """Words are indexed as they stand: no stems, no compound parts, no stop words."""

    def as_it_stands(self: Any, word: str, language: str) -> tuple[str, ...]:
        return (word,)

    Analyzer.word = as_it_stands  # type: ignore[method-assign,assignment]


def fusion() -> None:
    """The dense hits outrank BM25's in every language."""
    _put(lambda question, passages, model: (1e-6, 1.0), fusion_weights)


def dedup_values() -> None:
    """Passages that differ only in a value count as the same."""

    def same_words(self: Any, other: Any, jaccard: float) -> bool:
        union = len(self.words | other.words)
        return bool(union) and len(self.words & other.words) / union >= jaccard

    dedup._Print.same_as = same_words  # type: ignore[method-assign,assignment]


def dedup_nothing() -> None:
    """Repeated passages stay."""
    _put(lambda hits, *, jaccard: list(hits), merge_duplicates)


def notices() -> None:
    """Only the most severe notice is shown."""

    async def first_only(hits: Sequence[Hit], library: Any) -> tuple[Notice, ...]:
        return (await notices_for(hits, library))[:1]

    _put(first_only, notices_for)


def citations() -> None:
    """Citations name the page after the right one."""
    original = cite.citation

    def next_page(*arguments: Any) -> Citation:
        made = original(*arguments)
        return replace(made, page=made.page + 1, last_page=made.last_page + 1)

    _put(next_page, original)


FAULTS: dict[str, Callable[[], None]] = {
    "tokeniser": tokeniser,
    "fusion": fusion,
    "dedup": dedup_values,
    "dedup_nothing": dedup_nothing,
    "notices": notices,
    "citations": citations,
}
