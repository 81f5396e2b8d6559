"""Ids that are the same whenever the same file is read."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from uuid import UUID, uuid5

NAMESPACE = UUID("6f1c1f0e-8a52-5d0e-9f5b-6d696c6c7772")


def manual_id(sha256: str) -> str:
    """The id of the manual whose file has this SHA-256 (hex)."""
    return str(uuid5(NAMESPACE, sha256))


def chunk_id(sha256: str, position: int, text: str) -> str:
    """The id of the chunk at ``position`` (from 0) with ``text`` of the file ``sha256``."""
    return str(uuid5(NAMESPACE, f"{sha256}:{position}:{text}"))


def content_hash(text: str) -> str:
    """SHA-256 of ``text`` in the form in which copies are equal (NFKC, case, blanks)."""
    normal = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()
    return hashlib.sha256(normal.encode()).hexdigest()
