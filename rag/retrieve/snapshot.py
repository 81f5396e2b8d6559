"""The keyword index of one state of the library: immutable, built at once, swapped by reference."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.retrieve.analysed import KINDS, Analysed, language_in
from rag.retrieve.analyzer import Analyzer
from rag.retrieve.bm25 import Bm25, Floats, Postings
from rag.retrieve.compounds import CompoundSplitter
from rag.retrieve.counts import TermCounter, joined
from rag.retrieve.glossary import Glossary
from rag.retrieve.intent import PRIORS, intent_of
from rag.retrieve.kept_terms import KeptTerms
from rag.retrieve.query import QueryBuilder
from rag.retrieve.ranking import Passages, Ranking
from rag.retrieve.scoring import ceiling
from rag.retrieve.sparse import SparsePostings, SparseWriter
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
    first: int = 500  # passages looked at first; more when others could be among the best
    near: float = 0.3  # what it is worth when all that is asked for stands in one sentence
    weights: Weights = field(default_factory=Weights)


@dataclass(frozen=True, slots=True)
class Found:
    """Passages of one search, best first, with what the verdict needs."""

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    unknown: tuple[str, ...] = ()
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
        folder: Path | None = None,
    ) -> None:
        """``manuals`` gives the library, manual by manual, as often as it is called. Files of
        the index are made in ``folder``."""
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

        counter = TermCounter(self.analyzer, heading=self.tuning.heading)
        self._bm25 = Bm25(counter.terms, k1=self.tuning.k1, b=self.tuning.b, folder=folder)
        sparse = SparseWriter(self._bm25, writer) if writer else None
        listed = _Listed()
        for manual in manuals():
            ids = listed.add(manual)
            counts = counter.count(manual)
            self._bm25.add(counts)
            if sparse:
                sparse.add(manual.manual_id, ids, counts)
        self._bm25.finish()
        if sparse:
            sparse.close()
        self._ids = np.concatenate(listed.ids) if listed.ids else np.zeros(0, "S36")
        manual_of = np.repeat(
            np.arange(len(listed.ids), dtype=np.int32), [len(ids) for ids in listed.ids]
        )
        pages = manual_of.astype(np.int64) << 32 | joined(listed.pages, np.int64)
        self._ranking = Ranking(
            self._bm25,
            SparsePostings(vectors, self._bm25, self._ids)
            if vectors
            else Postings(self._bm25, listed.manuals, manual_of),
            Passages(
                np.unique(pages, return_inverse=True)[1].astype(np.int32),
                joined(listed.kinds, np.int8),
                joined(listed.shapes, np.uint32),
            ),
            page=self.tuning.page,
            first=self.tuning.first,
        )
        self._builder = QueryBuilder(
            self.analyzer, LibraryVocabulary(self._bm25), glossary, self.tuning.weights
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
        if not groups or not manual_ids:
            return Found((), ())
        priors = self._priors_for(question, language)
        found = self._ranking.best(groups, manual_ids, priors, limit)
        index, best = found.index, found.best
        rarest = float(np.log(self._bm25.size + 1))
        weights = [
            (ceiling(index, group) or group.weight * rarest) if group.own else 0.0
            for group in groups[:own]
        ]
        return Found(
            tuple(one.decode() for one in self._ids[found.places[best]].tolist()),
            tuple(float(one) for one in found.total[best]),
            tuple(group.label for group in groups if group.own and not ceiling(index, group)),
            tuple(groups[:own]),
            tuple(weights),
        )

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
        return self._bm25.weight(term)

    def stands_in(self, code: str, manual_ids: Collection[str]) -> bool:
        """Whether a folded code occurs in any passage of ``manual_ids``."""
        term = re.sub(r"[,/]", "", code)
        return self._ranking.postings.stands_in(term, manual_ids)

    def _priors_for(self, question: str, language: Language) -> Floats:
        """How much each kind of passage counts for what the question asks for."""
        wanted = PRIORS[intent_of(question, language)] if self.tuning.intent else {}
        return np.array([wanted.get(kind, 1.0) for kind in KINDS], np.float32)


class _Listed:
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
