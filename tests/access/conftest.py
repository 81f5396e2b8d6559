"""A database of one's own for accounts and keys: a file, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from rag.settings import Settings
from rag.store.database import open_database
from tests.postgres import on


@pytest.fixture
def engine(tmp_path: Path, database_url: str) -> Iterator[Engine]:
    engine = open_database(on(Settings(data_dir=tmp_path), database_url))
    yield engine
    engine.dispose()
