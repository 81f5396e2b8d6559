"""Faults to order, one per stage: proof that the gate would notice a real one.

Used by ``python -m evals.gate --seed-fault NAME`` and nowhere else; each puts something in the
place of a part of the running process, and nothing of it outlives the process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rag.answer import ask, cite
from rag.retrieve import dedup, find
from rag.retrieve.analyzer import Analyzer
from rag.types import Citation, Hit, Notice


def tokeniser() -> None:
    """Words are indexed as they stand: no stems, no compound parts, no stop words."""

    def as_it_stands(self: Any, word: str, language: str) -> tuple[str, ...]:
        return (word,)

    Analyzer.word = as_it_stands  # type: ignore[method-assign,assignment]


def fusion() -> None:
    """The dense hits outrank BM25's in every language."""
    find.fusion_weights = lambda question, passages, model: (1e-6, 1.0)  # type: ignore[assignment]


def dedup_values() -> None:
    """Passages that differ only in a value count as the same."""

    def same_words(self: Any, other: Any, jaccard: float) -> bool:
        union = len(self.words | other.words)
        return bool(union) and len(self.words & other.words) / union >= jaccard

    dedup._Print.same_as = same_words  # type: ignore[method-assign,assignment]


def dedup_nothing() -> None:
    """Repeated passages stay."""
    find.merge_duplicates = lambda hits, jaccard: list(hits)  # type: ignore[assignment,misc]


def notices() -> None:
    """Only the most severe notice is shown."""
    original = ask.notices_for

    async def first_only(hits: Sequence[Hit], library: Any) -> tuple[Notice, ...]:
        return (await original(hits, library))[:1]

    ask.notices_for = first_only


def citations() -> None:
    """Citations name the page after the right one."""
    original = cite.citation

    def next_page(n: int, hit: Hit, relevance: Any) -> Citation:
        made = original(n, hit, relevance)
        return replace(made, page=made.page + 1, last_page=made.last_page + 1)

    cite.citation = next_page


FAULTS: dict[str, Callable[[], None]] = {
    "tokeniser": tokeniser,
    "fusion": fusion,
    "dedup": dedup_values,
    "dedup_nothing": dedup_nothing,
    "notices": notices,
    "citations": citations,
}
