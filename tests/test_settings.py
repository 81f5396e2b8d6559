"""The settings class: what it refuses, and that the README tells the truth about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from evals.settings_table import settings_table
from rag.settings import Settings

README = Path(__file__).parents[1] / "README.md"


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="ollama_modell"):
        Settings(ollama_modell="mistral")  # type: ignore[call-arg]


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUM_CTX", "4096")
    assert Settings().num_ctx == 4096


def test_a_value_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUM_CTX", "100")
    with pytest.raises(ValidationError, match="num_ctx"):
        Settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().num_ctx = 1024


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_readme_shows_the_table_of_settings() -> None:
    assert settings_table() in README.read_text(encoding="utf-8")
