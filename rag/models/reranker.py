"""Question and passage to a score, by a cross-encoder of FastEmbed. Never downloads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from rag.models.allocator import keep_memory_small
from rag.models.embedder import threads, without_spinning
from rag.models.folder import Manifest, choose
from rag.settings import Settings
from rag.types import Language

_registering = Lock()


class Reranker:
    """A prepared cross-encoder. Safe to call from several threads."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.name = manifest.name
        self.languages: frozenset[Language] = frozenset(manifest.languages)
        self.fingerprint = manifest.fingerprint
        self._lock = Lock()
        self._model = _open(folder, manifest)

    def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """One raw logit per passage, in their order; higher is better, the scale is the model's.

        One pair at a time: ten pairs in batches of four took 952 MB at their peak, singly 423 MB,
        and were slower.
        """
        with self._lock:
            return [float(score) for score in self._model.rerank(query, passages, batch_size=1)]


def load_reranker(settings: Settings) -> Reranker | None:
    """The reranker that the settings ask for; ``None`` when it is not prepared or not wanted."""
    chosen = choose(settings.models_dir, "reranker", settings.reranker_model)
    return Reranker(*chosen) if chosen else None


def _open(folder: Path, manifest: Manifest) -> Any:
    """FastEmbed's cross-encoder on ``folder``."""
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder
    from fastembed.rerank.cross_encoder.custom_text_cross_encoder import CustomTextCrossEncoder

    keep_memory_small()
    name = f"millwright/{manifest.fingerprint}"
    with _registering:
        if name not in {known["model"] for known in TextCrossEncoder.list_supported_models()}:
            TextCrossEncoder.add_custom_model(
                model=name, sources=ModelSource(hf=manifest.name), model_file=manifest.graph
            )
    model = without_spinning(CustomTextCrossEncoder)(
        name,
        specific_model_path=str(folder),
        threads=threads(),
        enable_cpu_mem_arena=False,
        local_files_only=True,
    )
    model.tokenizer.enable_truncation(max_length=manifest.max_tokens)
    return model
