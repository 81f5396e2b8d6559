"""From the file into PostgreSQL: all of it, once, and only into an empty database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select, text

from rag.access.accounts import Accounts
from rag.backup.archive import BackupError
from rag.backup.create import create
from rag.backup.move import move
from rag.errors import StoreDown
from rag.settings import Settings
from rag.store.database import open_database
from rag.store.folder_lock import take_lock
from rag.store.glossary_table import GlossaryTable
from rag.store.library import Library
from tests.postgres import Postgres, on
from tests.store.samples import make_chunks, make_manual, make_pages


@pytest.fixture
def file(tmp_path: Path) -> Settings:
    """A manual, accounts, words of the plant and two messages of one moment."""
    settings = Settings(data_dir=tmp_path / "data")
    engine = open_database(settings)
    library = Library(engine)
    manual = make_manual("A")
    library.add(manual, make_pages(manual), make_chunks(manual))
    library.publish(manual.id)
    Accounts(engine).ensure_first_accounts()
    GlossaryTable(engine).add("de,en", file_name="w", concepts=1, names=2, uploaded_by="admin")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO threads (id) VALUES ('t')"))
        for step in ("z", "a"):
            connection.execute(
                text("INSERT INTO steps (id, name, type, \"threadId\") VALUES (:id, '', '', 't')"),
                {"id": step},
            )
    engine.dispose()
    return settings


def test_every_row_comes_along_in_its_order(file: Settings, postgres: Postgres) -> None:
    shared = on(file, postgres.empty())
    counts = move(shared)
    assert (counts["manuals"], counts["chunks"], counts["accounts"], counts["steps"]) == (
        1,
        4,
        3,
        2,
    )
    before, after = open_database(file), open_database(shared)
    metadata = MetaData()
    metadata.reflect(before)
    with before.connect() as one, after.connect() as other:
        for table in metadata.sorted_tables:
            rows = [sorted(map(repr, found.execute(select(table)))) for found in (one, other)]
            if table.name == "state":  # when a database was migrated is its own
                rows = [[row for row in each if "migration." not in row] for each in rows]
            assert rows[0] == rows[1], table.name
        assert list(other.execute(text("SELECT id FROM steps ORDER BY rowid")).scalars()) == [
            "z",
            "a",
        ]
    library = Library(after, folder=file.data_dir / "manuals")
    assert library.corpus_version() == Library(before).corpus_version() == 2
    lists = GlossaryTable(after)
    assert lists.add("de", file_name="x", concepts=1, names=1, uploaded_by="admin") == 2
    for engine in (before, after):
        engine.dispose()


def test_only_into_an_empty_one_and_while_nothing_runs(
    file: Settings, postgres: Postgres, tmp_path: Path
) -> None:
    shared = on(file, postgres.migrated())
    with pytest.raises(BackupError, match="nothing_to_move"):
        move(on(Settings(data_dir=tmp_path / "empty"), postgres.url()))
    with pytest.raises(BackupError, match="nothing_to_move"):
        move(file)
    lock = take_lock(file.data_dir)
    with pytest.raises(StoreDown):
        move(shared)
    os.close(lock)
    move(shared)
    with pytest.raises(BackupError, match="target_in_use"):
        move(shared)


def test_the_archive_says_that_the_database_is_elsewhere(file: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="elsewhere"):
        create(on(file, "postgresql://host/name"), str(tmp_path / "a.tar"))
    assert not (tmp_path / "a.tar").exists()
