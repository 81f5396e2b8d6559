"""Fixtures for what uses models: they are prepared once and shared, because they never change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag.models.embedder import Embedder, load_embedder
from rag.settings import Settings


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Where the prepared models are; prepares them first when they are not there (6 s)."""
    from tests.conftest import MODELS_DIR

    subprocess.run(
        [sys.executable, "-m", "rag.models", "--reranker", "none"],
        check=True,
        env={"MODELS_DIR": str(MODELS_DIR), **_path()},
    )
    return MODELS_DIR


def _path() -> dict[str, str]:
    """The caller's environment without Millwright's own settings."""
    ours = {field.upper() for field in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in ours}


@pytest.fixture(scope="session")
def embedder(models_dir: Path) -> Embedder:
    """The embedding model that every machine can have (all-MiniLM-L6-v2, English)."""
    embedder = load_embedder(Settings(models_dir=models_dir, embedding_model="all-MiniLM-L6-v2"))
    assert embedder is not None, "the embedding model could not be prepared"
    return embedder
