"""A small real embedder: words hashed into a space of 32 dimensions. Equal words, equal vectors."""

from __future__ import annotations

import math
import re
import zlib

from langchain_core.embeddings import Embeddings

from rag.types import Language


class WordEmbedder(Embeddings):
    """Deterministic, without a model file; ``seed`` stands for another model's space."""

    def __init__(self, seed: int = 0, dimension: int = 32) -> None:
        self.name = f"words-{seed}"
        self.dimension = dimension
        self.languages: frozenset[Language] = frozenset({"de", "en"})
        self.fingerprint = f"words-{seed}-{dimension}"
        self._seed = seed

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector = [0.0] * self.dimension
        for word in re.findall(r"\w+", text.lower()):
            value = zlib.crc32(f"{self._seed}/{word}".encode())
            vector[value % self.dimension] += 1.0 if value & 1024 else -1.0
        length = math.sqrt(sum(value * value for value in vector)) or 1.0
        return [value / length for value in vector]
