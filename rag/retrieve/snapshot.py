"""The keyword index of one state of the library: immutable, built at once, swapped by reference."""

from __future__ import annotations

import re
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

import numpy as np

from rag.retrieve.analyzer import Analyzer, pieces
from rag.retrieve.bm25 import Floats, Integers, Postings
from rag.retrieve.compounds import CompoundSplitter
from rag.retrieve.glossary import Glossary
from rag.retrieve.intent import PRIORS, intent_of
from rag.retrieve.query import QueryBuilder
from rag.retrieve.scoring import Index, ceiling, coverage, group_scores, varied
from rag.retrieve.sparse import Candidates, SparsePostings
from rag.retrieve.terms import Group, Weights
from rag.retrieve.vocabulary import LibraryVocabulary
from rag.retrieve.words import STOP_WORDS
from rag.types import Chunk, ChunkKind, Language

if TYPE_CHECKING:
    from rag.store.vectors import VectorIndex

_KINDS = get_args(ChunkKind)
_DIGITS = re.compile(r"\d+")
_CONTENTS_LINE = re.compile(r"(?:\.\s?){4,}\s*[\dA-Z][\d.-]*\s*$|[^\W\d].{3,}\s[.…·\s]*\d{1,3}$")


@dataclass(frozen=True, slots=True)
class Tuning:
    """Numbers of the keyword side; chosen by ``python -m evals.retrieval --ablate``."""

    k1: float = 1.2
    b: float = 0.6
    heading: int = 2
    contents: float = 0.3
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
    known_share: float = 0.0
    missing: float = 0.0
    groups: tuple[Group, ...] = ()
    weights: tuple[float, ...] = ()


class Snapshot:
    """BM25 over all passages of a library; with ``vectors`` their weights lie there as sparse
    vectors, and ``write`` says whether those are still to be written."""

    def __init__(
        self,
        chunks: Callable[[], Iterable[Chunk]],
        *,
        version: int,
        glossary: Glossary | None,
        tuning: Tuning | None = None,
        vectors: VectorIndex | None = None,
        write: bool = True,
    ) -> None:
        self.version = version
        self.tuning = tuning or Tuning()
        self.ids: list[str] = []
        self._manuals: list[str] = []
        manual_numbers = array("i")
        pages = array("i")
        priors = array("f")
        kinds = array("b")
        shapes = array("L")
        frequencies: Counter[str] = Counter()
        languages: dict[str, Counter[Language]] = {}
        for chunk in chunks():
            words = [piece.text for piece in pieces(chunk.text) if piece.kind == "word"]
            frequencies.update(words)
            languages.setdefault(chunk.manual_id, Counter())[chunk.language] += len(words)
        self._language_of = {one: counts.most_common(1)[0][0] for one, counts in languages.items()}
        lexicon = glossary.words() if glossary else ()
        splitter = CompoundSplitter(frequencies, lexicon) if self.tuning.compounds else None
        self.analyzer = Analyzer(splitter)

        def documents() -> Iterator[tuple[str, list[str]]]:
            for chunk in chunks():
                if not self._manuals or self._manuals[-1] != chunk.manual_id:
                    self._manuals.append(chunk.manual_id)
                self.ids.append(chunk.id)
                manual_numbers.append(len(self._manuals) - 1)
                pages.append(chunk.first_page)
                priors.append(self._prior_of(chunk))
                kinds.append(_KINDS.index(chunk.kind))
                shapes.append(zlib.crc32(_DIGITS.sub("", chunk.text).encode()))
                yield chunk.id, self._document(chunk)

        k1, b = self.tuning.k1, self.tuning.b
        self._postings: Postings | SparsePostings
        if vectors is None:
            self._postings = Postings((terms for _, terms in documents()), k1=k1, b=b)
        else:
            self._postings = SparsePostings(vectors, k1=k1, b=b)
            self._postings.build(documents(), write=write)
            self._place_of = {chunk_id: place for place, chunk_id in enumerate(self.ids)}
        self._manual_of = np.array(manual_numbers, np.int32)
        self._prior = np.array(priors, np.float32)
        self._kind = np.array(kinds, np.int8)
        self._shape = np.array(shapes, np.uint32)
        _, page_of = np.unique(
            self._manual_of.astype(np.int64) << 32 | np.array(pages, np.int64), return_inverse=True
        )
        self._page_of = page_of.astype(np.int32)
        self._builder = QueryBuilder(
            self.analyzer, LibraryVocabulary(self._postings), glossary, self.tuning.weights
        )

    def __len__(self) -> int:
        return len(self.ids)

    def _document(self, chunk: Chunk) -> list[str]:
        language = self.language_of(chunk)
        heading = self.analyzer.terms(" / ".join(chunk.heading), language)
        return heading * self.tuning.heading + self.analyzer.terms(chunk.text, language)

    def _prior_of(self, chunk: Chunk) -> float:
        """How much a passage's score counts, whatever was asked."""
        return self.tuning.contents if is_contents(chunk) else 1.0

    def language_of(self, chunk: Chunk) -> Language:
        """The chunk's language; its manual's where the chunk has no words that prove another, as
        in a table of names and values."""
        usual = self._language_of.get(chunk.manual_id, chunk.language)
        if chunk.language == usual:
            return usual
        words = [piece.text for piece in pieces(chunk.text) if piece.kind == "word"]
        proof = sum(word in STOP_WORDS[chunk.language] for word in words)
        against = sum(word in STOP_WORDS[usual] for word in words)
        return chunk.language if proof >= 2 and proof > against else usual

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
            tuple(self.ids[places[one]] for one in best),
            tuple(float(total[one]) for one in best),
            shares,
            tuple(group.label for group in groups if group.own and not ceiling(index, group)),
            known_share(groups[:own], per_group),
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
        if not groups or not manual_ids:
            return Candidates(self._postings, (), ()), np.zeros(0, np.int32)
        found, places = self._postings.candidates(groups, manual_ids, self._place_of)
        return found, np.array(places, np.int32)

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
            return self._prior
        wanted = PRIORS[intent_of(question, language)]
        by_kind = np.array([wanted.get(kind, 1.0) for kind in _KINDS], np.float32)
        return self._prior * by_kind[self._kind]

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


def known_share(groups: Sequence[Group], per_group: Sequence[Floats]) -> float:
    """The share of the question's own words that some passage in scope has, by any name."""
    own = [
        bool(scores.any()) for group, scores in zip(groups, per_group, strict=False) if group.own
    ]
    return sum(own) / len(own) if own else 0.0


def is_contents(chunk: Chunk) -> bool:
    """A table of contents or an index: most of its lines end in a page number."""
    lines = [line.strip() for line in chunk.text.splitlines() if line.strip()]
    if len(lines) < 4 or chunk.kind in ("fault", "parts", "maintenance"):
        return False
    hits = sum(bool(_CONTENTS_LINE.search(line)) for line in lines)
    leaders = sum("...." in line or ". . ." in line for line in lines)
    return leaders >= 0.4 * len(lines) or (hits >= 0.7 * len(lines) and len(lines) >= 8)
