"""What a point of the vector index is: its collection and how that is made, the text behind its
vector, its filter."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from qdrant_client import models
from qdrant_client.client_base import QdrantBase
from qdrant_client.http.exceptions import UnexpectedResponse

from rag.types import Chunk

if TYPE_CHECKING:
    from rag.models.embedder import Embedder

KEYWORDS = "bm25"
MANUAL = "metadata.manual_id"
_PREFIX = "millwright-"


def collection_name(embedder: Embedder | None) -> str:
    """One name per model and version of its vectors."""
    fingerprint = embedder.fingerprint if embedder is not None else "keywords"
    return _PREFIX + re.sub(r"[^0-9A-Za-z_-]", "-", fingerprint)


def embedded_text(chunk: Chunk) -> str:
    """What is embedded of a chunk: its headings say what the text is about."""
    return f"{chunk.section}\n{chunk.text}" if chunk.heading else chunk.text


def in_manuals(manual_ids: Collection[str]) -> models.Filter:
    """Only points of these manuals."""
    among = models.MatchAny(any=sorted(manual_ids))
    return models.Filter(must=[models.FieldCondition(key=MANUAL, match=among)])


def make_collection(client: QdrantBase, name: str, dimension: int | None) -> None:
    """Make a collection that is missing; ``dimension`` is ``None`` when only keywords go in."""
    if client.collection_exists(name):
        return
    dense: models.VectorParams | dict[str, models.VectorParams] = (
        models.VectorParams(size=dimension, distance=models.Distance.COSINE, on_disk=True)
        if dimension is not None
        else {}
    )
    try:
        client.create_collection(
            name,
            vectors_config=dense,
            sparse_vectors_config={
                KEYWORDS: models.SparseVectorParams(index=models.SparseIndexParams(on_disk=True))
            },
            on_disk_payload=True,
        )
    except UnexpectedResponse:
        if not client.collection_exists(name):
            raise
        # Another process made it in the meantime.
    client.create_payload_index(name, MANUAL, field_schema=models.PayloadSchemaType.KEYWORD)


def drop_other_collections(client: QdrantBase, name: str) -> None:
    """Forget the collections of other embedding models."""
    for collection in client.get_collections().collections:
        if collection.name.startswith(_PREFIX) and collection.name != name:
            client.delete_collection(collection.name)
