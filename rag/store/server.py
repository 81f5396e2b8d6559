"""A Qdrant server in place of the engine: how it is reached, and what the engine does by itself."""

from __future__ import annotations

from typing import Any

import httpx
from qdrant_client import QdrantClient, models

from rag.settings import Settings

# Seconds that a server may take; a question cannot wait for long. Connections are kept open.
WRITING_S = 30
SEARCHING_S = 4
_CONNECTIONS = 16


def connect(settings: Settings, timeout_s: int) -> QdrantClient:
    """A client of ``settings.qdrant_url``; nothing is sent yet."""
    return QdrantClient(
        url=settings.qdrant_url,
        api_key=settings.qdrant_api_key.get_secret_value() or None,
        timeout=timeout_s,
        check_compatibility=False,
        limits=httpx.Limits(max_connections=_CONNECTIONS),
    )


def sparse_hits(
    client: QdrantClient,
    collection_name: str,
    query: models.SparseVector,
    using: str,
    query_filter: models.Filter | None,
    limit: int,
) -> list[tuple[str, list[int], list[float]]]:
    """As ``EdgeClient.sparse_hits``."""
    found = client.query_points(
        collection_name,
        query=query,
        using=using,
        query_filter=query_filter,
        limit=limit,
        with_payload=False,
        with_vectors=[using],
    )
    vectors: list[tuple[Any, Any]] = [(point.id, point.vector) for point in found.points]
    return [(str(one), each[using].indices, each[using].values) for one, each in vectors]
