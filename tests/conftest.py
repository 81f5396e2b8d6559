"""What every test has: an environment of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag.settings import Settings

pytest_plugins = ["tests.fixtures_models", "tests.fixtures_served", "tests.postgres"]

_PROJECT = Path(__file__).resolve().parents[1]
# Read before any test changes the environment. Models are read-only and take seconds to make, so
# all tests share them.
MODELS_DIR = Path(os.environ.get("MODELS_DIR", "models"))
MODELS_DIR = MODELS_DIR if MODELS_DIR.is_absolute() else _PROJECT / MODELS_DIR


@pytest.fixture(autouse=True)
def isolated_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test, and each test has its own data folder."""
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
        monkeypatch.delenv(field, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MODELS_DIR", str(MODELS_DIR))
