"""Qdrant's engine in this process, behind the interface of ``qdrant_client``.

``langchain_qdrant.QdrantVectorStore`` and ``rag.store.vectors`` run unchanged on ``EdgeClient`` and
on ``qdrant_client.QdrantClient``. The write-ahead log stays on: an acknowledged point survives a
kill.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from qdrant_client import models
from qdrant_client.client_base import QdrantBase
from qdrant_client.http.models import QueryResponse

from rag.store.edge_models import (
    from_record,
    from_scored,
    shard_config,
    to_filter,
    to_ids,
    to_point,
    to_prefetches,
    to_query,
    to_vector,
)
from rag.store.shards import Shards

_log = logging.getLogger(__name__)
_COMPLETED = models.UpdateResult(status=models.UpdateStatus.COMPLETED)


class EdgeClient(QdrantBase):
    """The collections of one folder, which only one process may open at a time: see ``Shards``,
    also for what it raises. May be used from any thread."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._shards = Shards(folder)

    def close(self, **_: Any) -> None:
        """Write everything down and let go of the folder. May be called twice."""
        self._shards.close()

    # --- collections -----------------------------------------------------------------------------

    def collection_exists(self, collection_name: str, **_: Any) -> bool:
        return self._shards.exists(collection_name)

    def get_collections(self, **_: Any) -> models.CollectionsResponse:
        names = self._shards.names()
        return models.CollectionsResponse(
            collections=[models.CollectionDescription(name=name) for name in names]
        )

    def create_collection(
        self,
        collection_name: str,
        vectors_config: models.VectorParams | Mapping[str, models.VectorParams] | None = None,
        sparse_vectors_config: Mapping[str, models.SparseVectorParams] | None = None,
        **_: Any,
    ) -> bool:
        """Make a collection; raises ``ValueError`` when it is there already."""
        parameters = models.CollectionParams(
            vectors=vectors_config, sparse_vectors=sparse_vectors_config
        )
        self._shards.create(
            collection_name,
            shard_config(vectors_config, sparse_vectors_config),
            parameters.model_dump_json(exclude_none=True),
        )
        return True

    def delete_collection(self, collection_name: str, **_: Any) -> bool:
        self._shards.delete(collection_name)
        return True

    def get_collection(self, collection_name: str, **_: Any) -> models.CollectionInfo:
        info = self._shards.get(collection_name).info()
        text = self._shards.parameters(collection_name)
        return models.CollectionInfo(
            status=models.CollectionStatus.GREEN,
            optimizer_status=models.OptimizersStatusOneOf.OK,
            indexed_vectors_count=info.indexed_vectors_count,
            points_count=info.points_count,
            segments_count=info.segments_count,
            config=models.CollectionConfig(
                params=models.CollectionParams(**json.loads(text)),
                hnsw_config=models.HnswConfig(m=0, ef_construct=100, full_scan_threshold=10_000),
                optimizer_config=models.OptimizersConfig(
                    default_segment_number=0, flush_interval_sec=0
                ),
            ),
            payload_schema={},
        )

    def create_payload_index(
        self,
        collection_name: str,
        field_name: str,
        field_schema: Any = None,
        field_type: Any = None,
        **_: Any,
    ) -> models.UpdateResult:
        """Index a payload field; only keywords are needed, and only they are supported."""
        if field_schema != models.PayloadSchemaType.KEYWORD:
            raise NotImplementedError(f"payload index {field_schema!r}")
        operation = edge.UpdateOperation.create_field_index(
            field_name, edge.PayloadSchemaType.Keyword
        )
        return self._update(collection_name, operation)

    def flush(self, collection_name: str) -> None:
        """Write a collection to disk so that it survives a power cut as well as a kill."""
        self._shards.get(collection_name).flush()

    def vacuum(self, collection_name: str) -> bool:
        """Give back the room of deleted points, when there are many; True when it did."""
        done = bool(self._shards.get(collection_name).optimize())
        if done:
            _log.info("gave back the room of deleted points in %s", collection_name)
        return done

    # --- points ----------------------------------------------------------------------------------

    def upsert(self, collection_name: str, points: Any, **_: Any) -> models.UpdateResult:
        """Write ``PointStruct``s, in place of those with the same ids. On return they are safe."""
        operation = edge.UpdateOperation.upsert_points([to_point(point) for point in points])
        return self._update(collection_name, operation)

    def update_vectors(
        self, collection_name: str, points: Sequence[models.PointVectors], **_: Any
    ) -> models.UpdateResult:
        changed = [edge.PointVectors(str(point.id), to_vector(point.vector)) for point in points]
        return self._update(collection_name, edge.UpdateOperation.update_vectors(changed))

    def delete(self, collection_name: str, points_selector: Any, **_: Any) -> models.UpdateResult:
        """Delete by ids (a list or ``PointIdsList``) or by filter (bare or ``FilterSelector``)."""
        match points_selector:
            case models.FilterSelector(filter=points_filter) | (models.Filter() as points_filter):
                operation = edge.UpdateOperation.delete_points_by_filter(to_filter(points_filter))
            case models.PointIdsList(points=ids):
                operation = edge.UpdateOperation.delete_points(to_ids(ids))
            case _:
                operation = edge.UpdateOperation.delete_points(to_ids(points_selector))
        return self._update(collection_name, operation)

    def query_points(
        self,
        collection_name: str,
        query: Any = None,
        using: str | None = None,
        prefetch: Any = None,
        query_filter: Any = None,
        search_params: Any = None,
        limit: int = 10,
        offset: int | None = None,
        with_payload: Any = True,
        with_vectors: Any = False,
        score_threshold: float | None = None,
        lookup_from: Any = None,
        **_: Any,
    ) -> QueryResponse:
        """The best points, best first. The search is exact: ``search_params`` change nothing."""
        request = edge.QueryRequest(
            limit=limit,
            offset=offset or 0,
            query=to_query(query, using),
            prefetches=to_prefetches(prefetch),
            filter=to_filter(query_filter),
            with_payload=with_payload,
            with_vector=with_vectors,
            score_threshold=score_threshold,
        )
        points = self._shards.get(collection_name).query(request)
        return QueryResponse(points=[from_scored(point) for point in points])

    def hits(
        self,
        collection_name: str,
        query: Any,
        using: str | None,
        query_filter: models.Filter | None,
        limit: int,
        score_threshold: float | None = None,
    ) -> list[tuple[str, float]]:
        """Ids and scores of the best points, best first.

        The same as ``query_points`` without a model for each point, which takes longer than the
        search when there are hundreds.
        """
        request = edge.QueryRequest(
            limit=limit,
            offset=0,
            query=to_query(query, using),
            prefetches=[],
            filter=to_filter(query_filter),
            score_threshold=score_threshold,
            with_payload=False,
            with_vector=False,
        )
        points = self._shards.get(collection_name).query(request)
        return [(str(point.id), point.score) for point in points]

    def retrieve(
        self,
        collection_name: str,
        ids: Sequence[Any],
        with_payload: Any = True,
        with_vectors: Any = False,
        **_: Any,
    ) -> list[models.Record]:
        records = self._shards.get(collection_name).retrieve(
            to_ids(ids), with_payload=with_payload, with_vector=with_vectors
        )
        return [from_record(record) for record in records]

    def scroll(
        self,
        collection_name: str,
        scroll_filter: models.Filter | None = None,
        limit: int = 10,
        order_by: Any = None,
        offset: Any = None,
        with_payload: Any = True,
        with_vectors: Any = False,
        **_: Any,
    ) -> tuple[list[models.Record], Any]:
        """A page of points by id, and the id at which the next page begins (``None``: the end)."""
        if order_by is not None:
            raise NotImplementedError("scrolling in the order of a field")
        request = edge.ScrollRequest(
            offset=str(offset) if offset is not None else None,
            limit=limit,
            filter=to_filter(scroll_filter),
            with_payload=with_payload,
            with_vector=with_vectors,
        )
        records, next_offset = self._shards.get(collection_name).scroll(request)
        following = str(next_offset) if next_offset is not None else None
        return [from_record(record) for record in records], following

    def count(
        self,
        collection_name: str,
        count_filter: models.Filter | None = None,
        exact: bool = True,
        **_: Any,
    ) -> models.CountResult:
        request = edge.CountRequest(exact=exact, filter=to_filter(count_filter))
        return models.CountResult(count=self._shards.get(collection_name).count(request))

    def facet(
        self,
        collection_name: str,
        key: str,
        facet_filter: models.Filter | None = None,
        limit: int = 10,
        exact: bool = False,
        **_: Any,
    ) -> models.FacetResponse:
        """How many points have each value of a payload field."""
        request = edge.FacetRequest(key, limit=limit, exact=exact, filter=to_filter(facet_filter))
        response = self._shards.get(collection_name).facet(request)
        hits = [models.FacetValueHit(value=hit.value, count=hit.count) for hit in response.hits]
        return models.FacetResponse(hits=hits)

    # --- steps -----------------------------------------------------------------------------------

    def _update(self, collection_name: str, operation: Any) -> models.UpdateResult:
        self._shards.get(collection_name).update(operation)
        return _COMPLETED
