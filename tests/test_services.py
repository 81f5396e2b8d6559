"""What is built once, without any model and without Ollama."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import StoreDown
from rag.services import build_services
from rag.settings import Settings
from tests.stand_in.ollama import OllamaStandIn


def test_it_starts_with_no_model_and_never_asks_ollama(tmp_path: Path) -> None:
    with OllamaStandIn() as ollama:
        settings = Settings(
            data_dir=tmp_path / "data", models_dir=tmp_path, ollama_base_url=ollama.url
        )
        services = build_services(settings)
        try:
            assert services.embedder is None
            assert services.reranker is None
            assert services.llm.model == "mistral"
            assert services.library.manuals() == []
        finally:
            services.close()
        assert ollama.history == []


def test_closing_twice_is_harmless_and_the_folder_opens_again(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", models_dir=tmp_path)
    for _ in range(2):
        services = build_services(settings)
        services.close()
        services.close()


def test_a_data_folder_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    with pytest.raises(StoreDown, match="database_unusable"):
        build_services(Settings(data_dir=tmp_path / "data", models_dir=tmp_path))
