"""The keyword index of one state of the library: immutable, built at once, swapped by reference."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.retrieve.analysed import KINDS, Analysed, language_in
from rag.retrieve.analyzer import Analyzer
from rag.retrieve.bm25 import Floats, Postings
from rag.retrieve.compounds import CompoundSplitter
from rag.retrieve.counts import Integers, TermCounter, joined
from rag.retrieve.glossary import Glossary
from rag.retrieve.intent import PRIORS, intent_of
from rag.retrieve.kept_terms import KeptTerms
from rag.retrieve.query import QueryBuilder
from rag.retrieve.scoring import Index, ceiling, coverage, group_scores, varied
from rag.retrieve.sparse import Candidates, Places, SparsePostings
from rag.retrieve.terms import Group, Weights
from rag.retrieve.vocabulary import LibraryVocabulary
from rag.types import Chunk, Language

if TYPE_CHECKING:
    from rag.retrieve.written import Writer
    from rag.store.vectors import VectorIndex


@dataclass(frozen=True, slots=True)
class Tuning:
    """Numbers of the keyword side; chosen by ``python -m evals.retrieval --ablate``."""

    k1: float = 1.2
    b: float = 0.6
    heading: int = 2
    page: float = 0.3
    compounds: bool = True
    intent: bool = True
    near: float = 0.3  # what it is worth when all that is asked for stands in one sentence
    weights: Weights = field(default_factory=Weights)


@dataclass(frozen=True, slots=True)
class Found:
    """Passages of one search, best first, with what the verdict needs."""

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    coverage: tuple[float, ...]
    unknown: tuple[str, ...] = ()
    missing: float = 0.0
    groups: tuple[Group, ...] = ()
    weights: tuple[float, ...] = ()


class Snapshot:
    """BM25 over all passages of a library; with ``vectors`` their weights lie there as sparse
    vectors, which ``writer`` keeps up to date."""

    def __init__(
        self,
        manuals: Callable[[], Iterable[Analysed]],
        *,
        version: int,
        glossary: Glossary | None,
        tuning: Tuning | None = None,
        vectors: VectorIndex | None = None,
        writer: Writer | None = None,
    ) -> None:
        """``manuals`` gives the library, manual by manual, as often as it is called."""
        self.version = version
        self.tuning = tuning or Tuning()
        frequencies: Counter[str] = Counter()
        self._language_of: dict[str, Language] = {}
        for manual in manuals():
            for word, count in manual.frequencies():
                frequencies[word] += count
            self._language_of[manual.manual_id] = manual.language
        lexicon = glossary.words() if glossary else ()
        splitter = CompoundSplitter(frequencies, lexicon) if self.tuning.compounds else None
        self.analyzer = Analyzer(splitter)
        self.kept_terms = KeptTerms(self.analyzer)

        self._postings: Postings | SparsePostings
        counter = TermCounter(self.analyzer, heading=self.tuning.heading)
        k1, b = self.tuning.k1, self.tuning.b
        listed = _Passages()
        if vectors is None or writer is None:
            counts = []
            for manual in manuals():
                listed.add(manual)
                counts.append(counter.count(manual))
            self._postings = Postings(counter.terms, counts, k1=k1, b=b)
        else:
            self._postings = SparsePostings(vectors, counter.terms, k1=k1, b=b)
            for manual in manuals():
                ids = listed.add(manual)
                self._postings.add(manual.manual_id, ids, counter.count(manual), writer)
            self._postings.finish()
            writer.close()
        self._manuals = listed.manuals
        self._ids = np.concatenate(listed.ids) if listed.ids else np.zeros(0, "S36")
        self._manual_of = np.repeat(
            np.arange(len(listed.ids), dtype=np.int32), [len(ids) for ids in listed.ids]
        )
        self._kind = joined(listed.kinds, np.int8)
        self._shape = joined(listed.shapes, np.uint32)
        pages = joined(listed.pages, np.int64)
        _, page_of = np.unique(self._manual_of.astype(np.int64) << 32 | pages, return_inverse=True)
        self._page_of = page_of.astype(np.int32)
        self._places = Places(self._ids) if vectors is not None else None
        self._builder = QueryBuilder(
            self.analyzer, LibraryVocabulary(self._postings), glossary, self.tuning.weights
        )

    def __len__(self) -> int:
        return len(self._ids)

    def language_of(self, chunk: Chunk) -> Language:
        """The chunk's language; its manual's where the chunk has no words that prove another, as
        in a table of names and values."""
        return language_in(chunk, self._language_of.get(chunk.manual_id, chunk.language))

    def search(
        self,
        question: str,
        language: Language,
        manual_ids: Collection[str],
        limit: int,
        manual_languages: Collection[Language] = (),
        imagined: str = "",
        quiet: Collection[str] = (),
    ) -> Found:
        """The best passages of ``manual_ids``; ties in reading order.

        ``imagined`` is a hypothetical passage whose words count a little (HyDE).
        """
        groups = self._builder.build(question, language, manual_languages, quiet)
        own = len(groups)
        if imagined:
            groups += self._builder.imagined(imagined, min(manual_languages, default=language))
        index, places = self._searched(groups, manual_ids)
        if not groups or not index.size:
            return Found((), (), ())
        allowed = self._allowed(manual_ids)[places]
        others = self.tuning.weights.others
        per_group = [group_scores(index, group, others) * allowed for group in groups]
        prior = self._prior_for(question, language)[places]
        total = self._with_pages(np.sum(per_group, axis=0) * prior, places)
        best = varied(total, self._shape[places], limit)
        best = best[total[best] > 0]
        rarest = float(np.log(self._postings.size + 1))
        weights = [
            (ceiling(index, group) or group.weight * rarest) if group.own else 0.0
            for group in groups[:own]
        ]
        shares, missing = coverage(groups[:own], weights, per_group[:own], best)
        return Found(
            tuple(one.decode() for one in self._ids[places[best]].tolist()),
            tuple(float(total[one]) for one in best),
            shares,
            tuple(group.label for group in groups if group.own and not ceiling(index, group)),
            missing,
            tuple(groups[:own]),
            tuple(weights),
        )

    def _searched(
        self, groups: Sequence[Group], manual_ids: Collection[str]
    ) -> tuple[Index, Integers]:
        """The index to score with, and which passages it numbers, in reading order."""
        if isinstance(self._postings, Postings):
            return self._postings, np.arange(self._postings.size, dtype=np.int32)
        if not groups or not manual_ids or self._places is None:
            nowhere = np.zeros(0, np.int32)
            return Candidates(self._postings, (), nowhere, ()), nowhere
        return self._postings.candidates(groups, manual_ids, self._places)

    def groups(
        self,
        question: str,
        language: Language,
        manual_languages: Collection[Language] = (),
        quiet: Collection[str] = (),
    ) -> list[Group]:
        """The question's words with all the ways to say each, as this library knows them."""
        return self._builder.build(question, language, manual_languages, quiet)

    def weight(self, term: str) -> float:
        """How telling an index term is: its inverse document frequency."""
        return self._postings.weight(term)

    def stands_in(self, code: str, manual_ids: Collection[str]) -> bool:
        """Whether a folded code occurs in any passage of ``manual_ids``."""
        term = re.sub(r"[,/]", "", code)
        if isinstance(self._postings, SparsePostings):
            return self._postings.stands_in(term, manual_ids)
        scores = np.zeros(self._postings.size, np.float32)
        self._postings.add(scores, term, 1.0)
        return bool((scores * self._allowed(manual_ids) > 0).any())

    def _prior_for(self, question: str, language: Language) -> Floats:
        """How much each passage's score counts for what the question asks for."""
        if not self.tuning.intent:
            return np.ones(len(self._kind), np.float32)
        wanted = PRIORS[intent_of(question, language)]
        by_kind = np.array([wanted.get(kind, 1.0) for kind in KINDS], np.float32)
        prior: Floats = by_kind[self._kind]
        return prior

    def _with_pages(self, total: Floats, places: Integers) -> Floats:
        """A passage gains from what else stands on its page: answers spread over a page."""
        if not self.tuning.page or not len(total):
            return total
        pages = self._page_of[places]
        sums = np.bincount(pages, weights=total)
        rest = sums[pages].astype(np.float32) - total
        # Bounded by the passage's own score, so that a page of many weak ones does not win.
        return np.where(total > 0, total + self.tuning.page * np.minimum(rest, total), total)

    def _allowed(self, manual_ids: Collection[str]) -> Floats:
        wanted = np.array([manual in manual_ids for manual in self._manuals], np.float32)
        return wanted[self._manual_of] if len(self._manuals) else np.zeros(0, np.float32)


class _Passages:
    """What is known of each passage, manual by manual."""

    def __init__(self) -> None:
        self.manuals: list[str] = []
        self.ids: list[Any] = []
        self.pages: list[Any] = []
        self.kinds: list[Any] = []
        self.shapes: list[Any] = []

    def add(self, manual: Analysed) -> list[bytes]:
        """Remember a manual's passages; returns their ids."""
        self.manuals.append(manual.manual_id)
        self.ids.append(manual.ids)
        self.pages.append(manual.pages)
        self.kinds.append(manual.kinds)
        self.shapes.append(manual.shapes)
        ids: list[bytes] = manual.ids.tolist()
        return ids
