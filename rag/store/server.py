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


def hits(
    client: QdrantClient,
    collection_name: str,
    query: Any,
    using: str | None,
    query_filter: models.Filter | None,
    limit: int,
    score_threshold: float | None = None,
) -> list[tuple[str, float]]:
    """As ``EdgeClient.hits``."""
    found = client.query_points(
        collection_name,
        query=query,
        using=using,
        query_filter=query_filter,
        limit=limit,
        score_threshold=score_threshold,
        with_payload=False,
    )
    return [(str(point.id), point.score) for point in found.points]
