"""Between qdrant-client's models and the engine's own classes: filters, queries, points, results.

Only what Millwright and ``langchain_qdrant`` use is translated; everything else is refused by name
rather than silently left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import qdrant_edge as edge
from qdrant_client import models

# A Qdrant server fuses with k = 2 unless told otherwise; the engine wants the number said.
RRF_K = 2

# Distances of up to 100,000 vectors are computed in 10 to 20 ms, so no graph is ever built: it
# would stop the whole process while it is made (11 s at 20,000) and make the hits approximate.
_NEVER_INDEX_KB = 1_000_000_000


def shard_config(
    vectors: models.VectorParams | Mapping[str, models.VectorParams] | None,
    sparse_vectors: Mapping[str, models.SparseVectorParams] | None,
) -> edge.EdgeConfig:
    """The engine's configuration of a collection; all data lie in mapped files."""
    named = {"": vectors} if isinstance(vectors, models.VectorParams) else dict(vectors or {})
    return edge.EdgeConfig(
        vectors={
            name: edge.EdgeVectorParams(
                params.size, _distance(params.distance), memory=edge.Memory.Cold
            )
            for name, params in named.items()
        }
        or None,
        sparse_vectors={
            name: edge.EdgeSparseVectorParams(
                memory=edge.Memory.Cold,
                modifier=edge.Modifier.Idf if params.modifier is models.Modifier.IDF else None,
            )
            for name, params in (sparse_vectors or {}).items()
        }
        or None,
        payload_memory=edge.Memory.Cold,
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=_NEVER_INDEX_KB),
        wal_enabled=True,
    )


def _distance(distance: models.Distance) -> Any:
    return {
        models.Distance.COSINE: edge.Distance.Cosine,
        models.Distance.DOT: edge.Distance.Dot,
        models.Distance.EUCLID: edge.Distance.Euclid,
        models.Distance.MANHATTAN: edge.Distance.Manhattan,
    }[distance]


# --- filters -------------------------------------------------------------------------------------


def to_filter(query_filter: models.Filter | None) -> Any:
    """The engine's filter. Raises ``ValueError`` for a boolean match, which would find nothing."""
    if query_filter is None:
        return None
    if query_filter.min_should is not None:
        raise NotImplementedError("min_should in a filter")
    return edge.Filter(
        must=_conditions(query_filter.must),
        should=_conditions(query_filter.should),
        must_not=_conditions(query_filter.must_not),
    )


def _conditions(conditions: Any) -> list[Any] | None:
    if conditions is None:
        return None
    if not isinstance(conditions, list):
        conditions = [conditions]
    return [_condition(condition) for condition in conditions]


def _condition(condition: Any) -> Any:
    match condition:
        case models.Filter():
            return to_filter(condition)
        case models.HasIdCondition():
            return edge.HasIdCondition({str(point) for point in condition.has_id})
        case models.HasVectorCondition():
            return edge.HasVectorCondition(condition.has_vector)
        case models.IsEmptyCondition():
            return edge.IsEmptyCondition(condition.is_empty.key)
        case models.IsNullCondition():
            return edge.IsNullCondition(condition.is_null.key)
        case models.FieldCondition(key=key, match=match) if match is not None:
            return edge.FieldCondition(key, match=_match(match))
        case models.FieldCondition(key=key, range=models.Range() as span):
            values = edge.RangeFloat(gte=span.gte, gt=span.gt, lte=span.lte, lt=span.lt)
            return edge.FieldCondition(key, range=values)
    raise NotImplementedError(f"filter condition {condition!r}")


def _match(match: Any) -> Any:
    match match:
        case models.MatchValue(value=bool()):
            raise ValueError("the engine matches no booleans: store 0 and 1, or words")
        case models.MatchValue(value=value):
            return edge.MatchValue(value)
        case models.MatchAny():
            return edge.MatchAny(match.any)
        case models.MatchExcept():
            return edge.MatchExcept(match.except_)
    raise NotImplementedError(f"match {match!r}")


# --- points and queries --------------------------------------------------------------------------


def to_point(point: models.PointStruct) -> Any:
    return edge.Point(_point_id(point.id), to_vector(point.vector), point.payload or {})


def _point_id(point_id: Any) -> Any:
    return point_id if isinstance(point_id, int) else str(point_id)


def to_vector(vector: Any) -> Any:
    """A list of floats, a sparse vector, or either by name."""
    if isinstance(vector, models.SparseVector):
        return edge.SparseVector(vector.indices, vector.values)
    if isinstance(vector, Mapping):
        return {name: to_vector(value) for name, value in vector.items()}
    return [float(value) for value in vector]


def to_ids(ids: Sequence[Any]) -> list[Any]:
    return [_point_id(point_id) for point_id in ids]


def to_query(query: Any, using: str | None) -> Any:
    """The engine's scoring query, from a vector or a fusion; ``None`` means plain scrolling."""
    match query:
        case None:
            return None
        case models.FusionQuery(fusion=models.Fusion.RRF):
            return edge.Fusion.Rrf(RRF_K)
        case models.FusionQuery(fusion=models.Fusion.DBSF):
            return edge.Fusion.Dbsf()
        case models.RrfQuery(rrf=rrf):
            return edge.Fusion.Rrf(rrf.k or RRF_K, rrf.weights)
        case models.NearestQuery(nearest=nearest, mmr=None):
            return to_query(nearest, using)
        case models.SparseVector() | list() | tuple():
            return edge.Query.Nearest(to_vector(query), using=using or None)
    if hasattr(query, "tolist"):
        return edge.Query.Nearest(query.tolist(), using=using or None)
    raise NotImplementedError(f"query {query!r}")


def to_prefetches(prefetch: Any) -> list[Any]:
    if prefetch is None:
        return []
    stages = prefetch if isinstance(prefetch, list) else [prefetch]
    return [
        edge.Prefetch(
            limit=stage.limit or 10,
            query=to_query(stage.query, stage.using),
            prefetches=to_prefetches(stage.prefetch),
            filter=to_filter(stage.filter),
            score_threshold=stage.score_threshold,
        )
        for stage in stages
    ]


# --- results -------------------------------------------------------------------------------------


def from_scored(point: Any) -> models.ScoredPoint:
    return models.ScoredPoint(
        id=_from_id(point.id),
        version=point.version,
        score=point.score,
        payload=point.payload,
        vector=_from_vector(point.vector),
    )


def from_record(record: Any) -> models.Record:
    return models.Record(
        id=_from_id(record.id), payload=record.payload, vector=_from_vector(record.vector)
    )


def _from_id(point_id: Any) -> int | str:
    return point_id if isinstance(point_id, int) else str(point_id)


def _from_vector(vector: Any) -> Any:
    if vector is None:
        return None
    if isinstance(vector, edge.SparseVector):
        return models.SparseVector(indices=vector.indices, values=vector.values)
    if isinstance(vector, Mapping):
        plain = {name: _from_vector(value) for name, value in vector.items()}
        return plain[""] if set(plain) == {""} else plain
    return vector
