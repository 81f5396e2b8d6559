"""What a point of the vector index is: its collection, the text behind its vector, its filter."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from qdrant_client import models

from rag.types import Chunk

if TYPE_CHECKING:
    from rag.models.embedder import Embedder

KEYWORDS = "bm25"
MANUAL = "metadata.manual_id"
PREFIX = "millwright-"


def collection_name(embedder: Embedder | None) -> str:
    """One name per model and version of its vectors."""
    fingerprint = embedder.fingerprint if embedder is not None else "keywords"
    return PREFIX + re.sub(r"[^0-9A-Za-z_-]", "-", fingerprint)


def embedded_text(chunk: Chunk) -> str:
    """What is embedded of a chunk: its headings say what the text is about."""
    return f"{chunk.section}\n{chunk.text}" if chunk.heading else chunk.text


def in_manuals(manual_ids: Collection[str]) -> models.Filter:
    """Only points of these manuals."""
    among = models.MatchAny(any=sorted(manual_ids))
    return models.Filter(must=[models.FieldCondition(key=MANUAL, match=among)])
