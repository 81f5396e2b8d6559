"""The vector index: where a passage lies in the embedding model's space, and its BM25 weights.

One collection per embedding model, named after the model's fingerprint, so that vectors of two
models never meet. A point is a chunk: its dense vector, later perhaps its sparse vector "bm25",
and its manual's id to filter by. Points of unpublished manuals may exist: every search names the
manuals it may see. The same code runs on the engine in process and on a Qdrant server.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property, partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from qdrant_client import QdrantClient, models

from rag.errors import StoreDown
from rag.settings import Settings
from rag.store.database import batches
from rag.store.edge import EdgeClient
from rag.store.patience import Patience
from rag.store.points import (
    KEYWORDS,
    MANUAL,
    collection_name,
    drop_other_collections,
    embedded_text,
    in_manuals,
    make_collection,
)
from rag.store.server import SEARCHING_S, WRITING_S, connect, hits
from rag.types import Chunk, Manual, ManualStatus

if TYPE_CHECKING:
    from langchain_qdrant import QdrantVectorStore

    from rag.models.embedder import Embedder
    from rag.store.library import Library

_POINTS_PER_CALL = 128
_TEXTS_PER_STEP = 8
_MANUALS_AT_MOST = 100_000
__all__ = ["KEYWORDS", "VectorIndex", "embedded_text", "in_manuals", "open_vectors"]

Result = TypeVar("Result")
Sparse = tuple[list[int], list[float]]


def open_vectors(settings: Settings, embedder: Embedder | None) -> VectorIndex:
    """The index of ``embedder``'s vectors, or one of keywords only when there is no embedder.

    Raises ``StoreDown`` when another process has the folder open, or when it cannot be read. A
    server that does not answer yet is no error here, but at the first search.
    """
    if not settings.qdrant_url:
        return VectorIndex(EdgeClient(settings.data_dir / "index"), embedder)
    searching = connect(settings, SEARCHING_S)
    return VectorIndex(connect(settings, WRITING_S), embedder, searching=searching)


class VectorIndex:
    """Synchronous and safe to use from several threads."""

    def __init__(
        self,
        client: EdgeClient | QdrantClient,
        embedder: Embedder | None,
        *,
        searching: EdgeClient | QdrantClient | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.client = client
        self.searching = searching or client
        self.patience = patience or Patience(is_remote=not isinstance(client, EdgeClient))
        self.collection = collection_name(embedder)
        self._embedder = embedder
        self._is_prepared = False
        self._preparing = Lock()
        if isinstance(client, EdgeClient):
            self._call(client.vacuum)

    @property
    def has_vectors(self) -> bool:
        """False when there is no embedder: then only keywords can be searched here."""
        return self._embedder is not None

    @cached_property
    def store(self) -> QdrantVectorStore | None:
        """The collection as LangChain's vector store; ``None`` without an embedder.

        What it raises when a server is away is made ``StoreDown`` by ``patience.answering``.
        """
        from langchain_qdrant import QdrantVectorStore  # 25 MB that only some callers need

        if self._embedder is None:
            return None
        return self._call(
            lambda name: QdrantVectorStore(
                client=self.searching,  # type: ignore[arg-type]
                collection_name=name,
                embedding=self._embedder,
                validate_collection_config=False,
            )
        )

    # --- searching -------------------------------------------------------------------------------

    def search(
        self, vector: Sequence[float], manual_ids: Collection[str], limit: int
    ) -> list[tuple[str, float]]:
        """Chunk ids and cosines of the nearest passages of ``manual_ids``, best first."""
        if not self.has_vectors or not manual_ids:
            return []
        return self._query(list(vector), None, manual_ids, limit)

    def search_keywords(
        self,
        indices: Sequence[int],
        values: Sequence[float],
        manual_ids: Collection[str],
        limit: int,
        least: float | None = None,
    ) -> list[tuple[str, float]]:
        """Chunk ids and products of the query's weights with those of the passages, best first,
        none below ``least``.

        The engine adds no weighting of its own (no IDF): the caller's numbers say everything.
        """
        if not len(indices) or not manual_ids:
            return []
        query = models.SparseVector(indices=list(indices), values=list(values))
        return self._query(query, KEYWORDS, manual_ids, limit, least)

    def _query(
        self,
        query: Any,
        using: str | None,
        manual_ids: Collection[str],
        limit: int,
        least: float | None = None,
    ) -> list[tuple[str, float]]:
        client = self.searching
        look_up = client.hits if isinstance(client, EdgeClient) else partial(hits, client)
        return self._call(
            lambda name: look_up(name, query, using, in_manuals(manual_ids), limit, least)
        )

    # --- changing --------------------------------------------------------------------------------

    def upsert(self, chunks: Sequence[Chunk], vectors: Sequence[Sequence[float]] | None) -> None:
        """Write chunks with their vectors; ``None`` when there is no embedder.

        On return they survive a kill of this process; ``flush`` makes them survive a power cut.
        """
        points = [
            models.PointStruct(
                id=chunk.id,
                vector=list(vectors[number]) if vectors is not None else {},
                payload={
                    "page_content": chunk.text,
                    "metadata": {"chunk_id": chunk.id, "manual_id": chunk.manual_id},
                },
            )
            for number, chunk in enumerate(chunks)
        ]
        for batch in batches(points, _POINTS_PER_CALL):
            self._call(partial(self.client.upsert, points=batch), patient=True)

    def upsert_keywords(self, chunk_ids: Sequence[str], weights: Sequence[Sparse]) -> None:
        """Set the sparse vectors ``(indices, values)`` of chunks that are in the index already."""
        points = [
            models.PointVectors(
                id=chunk_id,
                vector={KEYWORDS: models.SparseVector(indices=indices, values=values)},
            )
            for chunk_id, (indices, values) in zip(chunk_ids, weights, strict=True)
        ]
        for batch in batches(points, _POINTS_PER_CALL):
            self._call(partial(self.client.update_vectors, points=batch))

    def remove(self, manual_id: str) -> None:
        """Take out every point of a manual; none is no error."""
        selector = models.FilterSelector(filter=in_manuals([manual_id]))
        self._call(lambda name: self.client.delete(name, selector))

    def flush(self) -> None:
        """Write everything to disk. A server sees to that by itself."""
        if isinstance(self.client, EdgeClient):
            self._call(self.client.flush)

    def close(self) -> None:
        self.patience.hurry()
        self.client.close()
        if self.searching is not self.client:
            self.searching.close()

    # --- agreeing with the library ---------------------------------------------------------------

    def counts(self, *, with_keywords: bool = False) -> dict[str, int]:
        """How many points each manual has in the index, or how many ``with_keywords``."""
        having = models.Filter(must=[models.HasVectorCondition(has_vector=KEYWORDS)])
        response = self._call(
            lambda name: self.client.facet(
                name,
                MANUAL,
                facet_filter=having if with_keywords else None,
                limit=_MANUALS_AT_MOST,
                exact=True,
            )
        )
        return {str(hit.value): hit.count for hit in response.hits if hit.count}

    def unindexed(self, library: Library) -> list[Manual]:
        """The manuals whose passages are not all in this index: after a change of the embedding
        model, a lost folder, or a re-index that was interrupted."""
        counts = self.counts()
        return [
            manual
            for manual in library.manuals()
            if manual.status is not ManualStatus.PROCESSING
            and counts.get(manual.id, 0) != manual.chunks
        ]

    def needs_reindex(self, library: Library) -> bool:
        """Whether ``reindex`` has something to do; until it is done, dense search is incomplete."""
        return bool(self.unindexed(library))

    def reindex(self, library: Library, on_progress: Callable[[int, int], None]) -> int:
        """Embed what is missing, forget other models' collections; returns the chunks embedded.

        ``on_progress(done, total)`` counts chunks and may raise to stop: what is done stays done.
        """
        manuals = self.unindexed(library)
        total = sum(manual.chunks for manual in manuals)
        done = 0
        for manual in manuals:
            self.remove(manual.id)
            for chunks in batches(library.chunks_of(manual.id), _TEXTS_PER_STEP):
                self.upsert(chunks, self.embed(chunks))
                done += len(chunks)
                on_progress(done, total)
        self.flush()
        drop_other_collections(self.client, self.collection)
        return done

    def embed(self, chunks: Sequence[Chunk]) -> list[list[float]] | None:
        """Vectors of passages, each with its headings before it; ``None`` without an embedder."""
        if self._embedder is None:
            return None
        return self._embedder.embed_documents([embedded_text(chunk) for chunk in chunks])

    def sweep(self, library: Library) -> None:
        """Take out the points of manuals that the library does not know: leftovers of a kill."""
        known = {manual.id for manual in library.manuals()}
        for manual_id in self.counts().keys() - known:
            self.remove(manual_id)

    # --- steps -----------------------------------------------------------------------------------

    def _call(self, work: Callable[[str], Result], *, patient: bool = False) -> Result:
        """Do ``work`` with the collection's name, which is made when it is missing."""

        def prepared() -> Result:
            with self._preparing:
                if not self._is_prepared:
                    size = self._embedder.dimension if self._embedder is not None else None
                    make_collection(self.client, self.collection, size)
                    self._is_prepared = True
            return work(self.collection)

        try:
            return self.patience.call(prepared, patient=patient)
        except StoreDown:
            self._is_prepared = False  # a server may come back without its data
            raise
