"""Texts to vectors, by FastEmbed on ONNX. Loads prepared models only; never downloads."""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from langchain_core.embeddings import Embeddings

from rag.models.allocator import keep_memory_small
from rag.models.folder import Manifest, choose
from rag.observe.metrics import lookups_of
from rag.settings import Settings
from rag.store.lru import ByteCache, key_of
from rag.types import Language

_registering = Lock()
# Vectors of questions: 2 kB each with 384 dimensions.
_KEPT_BYTES = 1024 * 1024


class Embedder(Embeddings):
    """A prepared embedding model. Vectors have length 1. Safe to call from several threads."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.name = manifest.name
        self.dimension = manifest.dimension
        self.languages: frozenset[Language] = frozenset(manifest.languages)
        self.fingerprint = manifest.fingerprint
        self._query_prefix = manifest.query_prefix
        self._passage_prefix = manifest.passage_prefix
        # One text at a time: the tokenizer is shared, and two at once would double the peak.
        self._lock = Lock()
        self._asked = ByteCache(_KEPT_BYTES, ttl_s=math.inf, on_lookup=lookups_of("vectors"))
        self._model = _open(folder, manifest)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """(n, dimension) vectors of passages."""
        return [self._vector(self._passage_prefix + text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """(dimension,) vector of a question; those asked last are kept."""
        key = key_of(text)
        if (kept := self._asked.get(key)) is not None:
            return array("f", kept).tolist()
        vector = self._vector(self._query_prefix + text)
        self._asked.put(key, array("f", vector).tobytes())  # as the model gave it: float32
        return vector

    def _vector(self, text: str) -> list[float]:
        with self._lock:
            vectors: Iterable[Any] = self._model.embed([text], batch_size=1)
            vector: list[float] = next(iter(vectors)).tolist()
        return vector


def load_embedder(settings: Settings) -> Embedder | None:
    """The embedder that the settings ask for; ``None`` when it is not prepared or not wanted."""
    chosen = choose(settings.models_dir, "embedding", settings.embedding_model)
    return Embedder(*chosen) if chosen else None


def threads() -> int:
    """Threads of one model: more than two gain little on texts of this length."""
    return max(1, min(2, len(os.sched_getaffinity(0))))


def without_spinning(model: Any) -> Any:
    """FastEmbed's class of a model, whose threads sleep while they wait for work.

    By default they spin, which makes a question's 5 ms of processor time 20 (measured, two cores).
    """

    def add(cls: Any, options: Any, extra: dict[str, Any]) -> None:
        super(calm, cls).add_extra_session_options(options, extra)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")

    calm: Any = type(model.__name__, (model,), {"add_extra_session_options": classmethod(add)})
    return calm


def _open(folder: Path, manifest: Manifest) -> Any:
    """FastEmbed's model on ``folder``. Imported here because the import alone takes 50 MB."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType
    from fastembed.text.custom_text_embedding import CustomTextEmbedding

    keep_memory_small()
    # FastEmbed's own entries of these models name other files and pooling: ours gets its own name.
    name = f"millwright/{manifest.fingerprint}"
    with _registering:
        if name not in {known["model"] for known in TextEmbedding.list_supported_models()}:
            TextEmbedding.add_custom_model(
                model=name,
                pooling=PoolingType.MEAN if manifest.pooling == "mean" else PoolingType.CLS,
                normalization=True,
                sources=ModelSource(hf=manifest.name),
                dim=manifest.dimension,
                model_file=manifest.graph,
            )
    model = without_spinning(CustomTextEmbedding)(
        name,
        specific_model_path=str(folder),
        threads=threads(),
        enable_cpu_mem_arena=False,
        local_files_only=True,
    )
    # The tokenizer's own limit is often the number of positions, not what was trained.
    model.tokenizer.enable_truncation(max_length=manifest.max_tokens)
    return model
