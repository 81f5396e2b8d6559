"""The keyword side of the search: BM25 over everything that may be found, always current."""

from __future__ import annotations

import asyncio
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
        self._snapshot: Snapshot | None = None
        self._rebuilding: asyncio.Task[Snapshot] | None = None

    @property
    def built_for(self) -> int | None:
        """The corpus version of the index in use; ``None`` before the first one is built."""
        return self._snapshot.version if self._snapshot else None

    def use_glossary(self, glossary: Glossary) -> None:
        """Search with other words from the next question on."""
        self.glossary = glossary
        self._snapshot = None

    def build(self) -> Snapshot:
        """Index the library as it is now and use that index. Call it in a thread."""
        version = self._library.corpus_version()
        vectors = self._vectors if self._is_large() else None
        written = f"{version} {vectors.collection} {_FORM}" if vectors else ""
        snapshot = Snapshot(
            self._library.active_chunks,
            version=version,
            glossary=self.glossary,
            tuning=self._tuning,
            vectors=vectors,
            write=self._library.state_get(_WRITTEN) != written,
        )
        if vectors:
            self._library.state_set(_WRITTEN, written)
        self._snapshot = snapshot
        return snapshot

    def _is_large(self) -> bool:
        """Whether the weights belong into the vector store instead of memory."""
        backend = self._settings.keyword_backend
        if backend != "auto" or self._vectors is None:
            return backend == "qdrant" and self._vectors is not None
        active = self._library.manuals(ManualStatus.ACTIVE)
        return sum(manual.chunks for manual in active) > self._settings.keyword_limit

    async def current(self, patience_s: float = 2.0) -> Snapshot:
        """The index of the library's present state.

        While a new one is being built for longer than ``patience_s``, the former one serves: what
        was removed since is left out by the scope, what was added is found a moment later.
        """
        snapshot = self._snapshot
        version = await asyncio.to_thread(self._library.corpus_version)
        if snapshot is not None and snapshot.version == version:
            return snapshot
        if self._rebuilding is None or self._rebuilding.done():
            self._rebuilding = asyncio.create_task(asyncio.to_thread(self.build))
        timeout = None if snapshot is None else patience_s
        done, _ = await asyncio.wait({self._rebuilding}, timeout=timeout)
        if done or snapshot is None:
            return await self._rebuilding
        return snapshot

    async def search(
        self, question: str, language: Language, manual_ids: Collection[str], limit: int
    ) -> Found:
        """The best passages of ``manual_ids`` for a question; see ``Snapshot.search``."""
        snapshot = await self.current()
        return await asyncio.to_thread(snapshot.search, question, language, manual_ids, limit)
