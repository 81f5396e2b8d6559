"""The keyword side of the search: BM25 over everything that may be found, always current."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rag.errors import StoreDown
from rag.retrieve.analysed import Analysed, analyse, load, path_of, save, sweep
from rag.retrieve.glossary import Glossary
from rag.retrieve.snapshot import Found, Snapshot, Tuning
from rag.retrieve.written import Writer
from rag.settings import Settings
from rag.types import Language, Manual, ManualStatus

if TYPE_CHECKING:
    from rag.store.library import Library
    from rag.store.vectors import VectorIndex

_AGAIN_S = 30.0
_log = logging.getLogger(__name__)


class KeywordIndex:
    """Follows the library: a new state is indexed in a thread, then swapped in by reference."""

    def __init__(
        self,
        library: Library,
        *,
        settings: Settings,
        glossary: Glossary | None = None,
        vectors: VectorIndex | None = None,
        tuning: Tuning | None = None,
    ) -> None:
        self._library = library
        self._settings = settings
        self.glossary = glossary
        self._vectors = vectors
        self._tuning = tuning
        self._built: tuple[Snapshot, Glossary | None] | None = None
        self._folder = settings.data_dir / "cache" / "keywords"
        self._again = math.inf  # when to look whether the vector store has all passages
        self._rebuilding: asyncio.Task[Snapshot | None] | None = None

    @property
    def built_for(self) -> int | None:
        """The corpus version of the index in use; ``None`` before the first one is built."""
        return self._built[0].version if self._built else None

    def use_glossary(self, glossary: Glossary) -> None:
        """Search with other words: the index is made anew for the next question."""
        self.glossary = glossary

    def build(self) -> Snapshot:
        """Index the library as it is now and use that index. Call it in a thread.

        Only manuals that are new are read; the pieces of the others are kept in files.
        """
        version, glossary = self._library.corpus_version(), self.glossary
        active = sorted(self._library.manuals(ManualStatus.ACTIVE), key=lambda one: one.id)
        present = self._present(active) if self._is_large(active) else None
        vectors = self._vectors if present is not None else None
        snapshot = Snapshot(
            lambda: self._analysed(active),
            version=version,
            glossary=glossary,
            tuning=self._tuning,
            vectors=vectors,
            writer=Writer(vectors, self._library, present or {}) if vectors else None,
            folder=self._folder,
        )
        sweep(self._folder, self._library.manuals())
        self._built = snapshot, glossary
        return snapshot

    def _move(self) -> Snapshot | None:
        """Leave memory for the vector store, once that has all passages. Never raises."""
        try:
            active = self._library.manuals(ManualStatus.ACTIVE)
            return None if self._present(active) is None else self.build()
        except Exception:
            _log.exception("the keyword index stays in memory")
            self._again = time.monotonic() + _AGAIN_S
            return None

    def _analysed(self, manuals: Iterable[Manual]) -> Iterator[Analysed]:
        for manual in manuals:
            path = path_of(self._folder, manual)
            analysed = load(path, manual.id)
            if analysed is None:
                chunks = self._library.chunks_of(manual.id)
                if not chunks:  # deleted a moment ago, or empty
                    continue
                analysed = analyse(manual.id, chunks)
                save(path, analysed)
            yield analysed

    def _is_large(self, active: Sequence[Manual]) -> bool:
        """Whether the weights belong into the vector store instead of memory."""
        backend = self._settings.keyword_backend
        if backend != "auto" or self._vectors is None:
            return backend == "qdrant" and self._vectors is not None
        return sum(manual.chunks for manual in active) > self._settings.keyword_limit

    def _present(self, active: Sequence[Manual]) -> dict[str, int] | None:
        """How many passages of each manual have weights in the vector store; ``None`` while it
        lacks passages, as when the vectors are made anew: until then memory holds the weights."""
        self._again = math.inf
        if self._vectors is None:
            return None
        try:
            points = self._vectors.counts()
            if any(points.get(manual.id, 0) < manual.chunks for manual in active):
                self._again = time.monotonic() + _AGAIN_S
                return None
            return self._vectors.counts(with_keywords=True)
        except StoreDown:  # believed to hold what it held
            return {manual.id: manual.chunks for manual in active}

    async def current(self, patience_s: float = 2.0) -> Snapshot:
        """The index of the library's present state, with the present glossary.

        While a new one is being built for longer than ``patience_s``, the former one serves: what
        was removed since is left out by the scope, what was added is found a moment later.
        """
        version = await asyncio.to_thread(self._library.corpus_version)
        until = time.monotonic() + patience_s
        while True:
            former = self._built
            if former and former[0].version >= version and former[1] is self.glossary:
                if time.monotonic() >= self._again:
                    self._again = math.inf
                    self._rebuilding = asyncio.create_task(asyncio.to_thread(self._move))
                return former[0]
            if self._rebuilding is None or self._rebuilding.done():
                self._rebuilding = asyncio.create_task(asyncio.to_thread(self.build))
            timeout = max(0.0, until - time.monotonic()) if former else None
            await asyncio.wait({self._rebuilding}, timeout=timeout)
            if former and not self._rebuilding.done():
                return former[0]
            await self._rebuilding

    async def search(
        self, question: str, language: Language, manual_ids: Collection[str], limit: int
    ) -> Found:
        """The best passages of ``manual_ids`` for a question; see ``Snapshot.search``."""
        snapshot = await self.current()
        return await asyncio.to_thread(snapshot.search, question, language, manual_ids, limit)
