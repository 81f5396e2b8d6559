"""The keyword side of the search: BM25 over everything that may be found, always current."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from rag.retrieve.glossary import Glossary
from rag.retrieve.snapshot import Found, Snapshot, Tuning
from rag.settings import Settings
from rag.types import Language, ManualStatus

if TYPE_CHECKING:
    from rag.store.library import Library
    from rag.store.vectors import VectorIndex


# Which library's weights lie in the vector store; the form changes with what they are made of.
_WRITTEN = "keywords_written"
_FORM = "1"


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
        self._rebuilding: asyncio.Task[Snapshot] | None = None

    @property
    def built_for(self) -> int | None:
        """The corpus version of the index in use; ``None`` before the first one is built."""
        return self._built[0].version if self._built else None

    def use_glossary(self, glossary: Glossary) -> None:
        """Search with other words: the index is made anew for the next question."""
        self.glossary = glossary

    def build(self) -> Snapshot:
        """Index the library as it is now and use that index. Call it in a thread."""
        version, glossary = self._library.corpus_version(), self.glossary
        vectors = self._vectors if self._is_large() else None
        written = f"{version} {vectors.collection} {_FORM}" if vectors else ""
        snapshot = Snapshot(
            self._library.active_chunks,
            version=version,
            glossary=glossary,
            tuning=self._tuning,
            vectors=vectors,
            write=self._library.state_get(_WRITTEN) != written,
        )
        if vectors:
            self._library.state_set(_WRITTEN, written)
        self._built = snapshot, glossary
        return snapshot

    def _is_large(self) -> bool:
        """Whether the weights belong into the vector store instead of memory."""
        backend = self._settings.keyword_backend
        if backend != "auto" or self._vectors is None:
            return backend == "qdrant" and self._vectors is not None
        active = self._library.manuals(ManualStatus.ACTIVE)
        return sum(manual.chunks for manual in active) > self._settings.keyword_limit

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
