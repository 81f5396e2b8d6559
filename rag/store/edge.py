"""Qdrant's engine in this process, behind the interface of ``qdrant_client``.

``langchain_qdrant.QdrantVectorStore`` and ``rag.store.vectors`` run unchanged on ``EdgeClient`` and
on ``qdrant_client.QdrantClient``. A collection is a folder with one shard and the parameters it was
made with. The write-ahead log stays on: an acknowledged point survives a kill.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from qdrant_client import models
from qdrant_client.client_base import QdrantBase
from qdrant_client.http.models import QueryResponse

from rag.errors import StoreDown
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
from rag.store.folder_lock import take_lock

_COMPLETED = models.UpdateResult(status=models.UpdateStatus.COMPLETED)
_CONFIG = "collection.json"


class EdgeClient(QdrantBase):
    """The collections of one folder, which only one process may open at a time.

    Raises ``StoreDown("error.index_in_use")`` when another one has it, and
    ``StoreDown("error.index_unusable")`` when a shard cannot be read. May be used from any thread.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._shards: dict[str, Any] = {}
        self._opening = threading.Lock()
        self._lock_file: int | None = take_lock(folder)
        for leftover in folder.iterdir():
            # Half made, or half deleted, when the process was killed.
            if leftover.is_dir() and not (leftover / _CONFIG).exists():
                shutil.rmtree(leftover)

    def close(self, **_: Any) -> None:
        """Write everything down and let go of the folder. May be called twice."""
        with self._opening:
            for shard in self._shards.values():
                shard.flush()
                shard.close()
            self._shards.clear()
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    # --- collections -----------------------------------------------------------------------------

    def collection_exists(self, collection_name: str, **_: Any) -> bool:
        return (self._folder / collection_name / _CONFIG).exists()

    def get_collections(self, **_: Any) -> models.CollectionsResponse:
        names = sorted(path.parent.name for path in self._folder.glob(f"*/{_CONFIG}"))
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
        if self.collection_exists(collection_name):
            raise ValueError(f"collection {collection_name} already exists")
        parameters = models.CollectionParams(
            vectors=vectors_config, sparse_vectors=sparse_vectors_config
        )
        folder = self._folder / collection_name
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "shard").mkdir(parents=True)
        with self._opening:
            shard = edge.EdgeShard.create(
                str(folder / "shard"), shard_config(vectors_config, sparse_vectors_config)
            )
            shard.flush()
            # The parameters come last: a folder without them was never finished.
            draft = folder / f"{_CONFIG}.new"
            draft.write_text(parameters.model_dump_json(exclude_none=True), encoding="utf-8")
            draft.rename(folder / _CONFIG)
            self._shards[collection_name] = shard
        return True

    def delete_collection(self, collection_name: str, **_: Any) -> bool:
        with self._opening:
            shard = self._shards.pop(collection_name, None)
            if shard is not None:
                shard.close()
            (self._folder / collection_name / _CONFIG).unlink(missing_ok=True)
            shutil.rmtree(self._folder / collection_name, ignore_errors=True)
        return True

    def get_collection(self, collection_name: str, **_: Any) -> models.CollectionInfo:
        info = self._shard(collection_name).info()
        text = (self._folder / collection_name / _CONFIG).read_text(encoding="utf-8")
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
        self._shard(collection_name).flush()

    def vacuum(self, collection_name: str) -> bool:
        """Give back the room of deleted points, when there are many; True when it did."""
        return bool(self._shard(collection_name).optimize())

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
        points = self._shard(collection_name).query(request)
        return QueryResponse(points=[from_scored(point) for point in points])

    def retrieve(
        self,
        collection_name: str,
        ids: Sequence[Any],
        with_payload: Any = True,
        with_vectors: Any = False,
        **_: Any,
    ) -> list[models.Record]:
        records = self._shard(collection_name).retrieve(
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
        records, next_offset = self._shard(collection_name).scroll(request)
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
        return models.CountResult(count=self._shard(collection_name).count(request))

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
        response = self._shard(collection_name).facet(request)
        hits = [models.FacetValueHit(value=hit.value, count=hit.count) for hit in response.hits]
        return models.FacetResponse(hits=hits)

    # --- steps -----------------------------------------------------------------------------------

    def _update(self, collection_name: str, operation: Any) -> models.UpdateResult:
        self._shard(collection_name).update(operation)
        return _COMPLETED

    def _shard(self, collection_name: str) -> Any:
        """The open shard of a collection; raises ``ValueError`` when there is none."""
        shard = self._shards.get(collection_name)
        if shard is not None:
            return shard
        with self._opening:
            if self._lock_file is None:
                raise StoreDown("error.index_closed")
            if collection_name not in self._shards:
                if not self.collection_exists(collection_name):
                    raise ValueError(f"collection {collection_name} not found")
                path = self._folder / collection_name / "shard"
                try:
                    self._shards[collection_name] = edge.EdgeShard.load(str(path))
                except Exception as error:  # the engine raises bare exceptions
                    raise StoreDown(
                        "error.index_unusable", path=str(path), reason=str(error)
                    ) from error
            return self._shards[collection_name]
