from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from rag.settings import Settings
from rag.store.database import open_database
from rag.store.library import Library
from tests.postgres import on


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models")


@pytest.fixture
def engine(settings: Settings, database_url: str) -> Iterator[Engine]:
    """Either database."""
    engine = open_database(on(settings, database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def library(engine: Engine, settings: Settings) -> Library:
    return Library(engine, folder=settings.data_dir / "manuals")
