"""From the SQLite file into an empty PostgreSQL, when a plant outgrows one process."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pydantic import SecretStr
from sqlalchemy import Connection, MetaData, Table, func, insert, select, text

from rag.backup.archive import DATABASE, BackupError
from rag.settings import Settings
from rag.store.database import batches, open_database, reading
from rag.store.folder_lock import take_lock

_FIRST = ("accounts", "manuals", "threads")  # a database that has any of these is in use
_NUMBERED = (("glossaries", "version"), ("pending_traces", "number"))


def move(settings: Settings) -> dict[str, int]:
    """Copy every row of ``data_dir``'s database to the one at DATABASE_URL; the rows of each table.

    All of them or none. The file stays as it is. Raises ``BackupError`` when there is nothing to
    move or the other one is not empty, and ``StoreDown`` while Millwright runs.
    """
    if not settings.database_url or not (settings.data_dir / DATABASE).exists():
        raise BackupError("backup.nothing_to_move", folder=str(settings.data_dir.resolve()))
    lock = take_lock(settings.data_dir)
    try:
        file = open_database(settings.model_copy(update={"database_url": SecretStr("")}))
        server = open_database(settings)
        try:
            with reading(file).connect() as source, server.begin() as target:
                metadata = MetaData()
                metadata.reflect(source)
                _refuse_what_is_in_use(target, metadata)
                return {
                    table.name: _copy(source, target, table) for table in metadata.sorted_tables
                }
        finally:
            file.dispose()
            server.dispose()
    finally:
        os.close(lock)


def _refuse_what_is_in_use(target: Connection, metadata: MetaData) -> None:
    for name in _FIRST:
        if target.execute(select(func.count()).select_from(metadata.tables[name])).scalar():
            raise BackupError("backup.target_in_use")


def _copy(source: Connection, target: Connection, table: Table) -> int:
    number = 0
    for batch in batches(_rows(source, table)):
        target.execute(insert(table), batch)
        number += len(batch)
    for name, column in _NUMBERED:
        if name == table.name:
            sequence = f"pg_get_serial_sequence('{name}', '{column}')"
            highest = f"SELECT max({column}) FROM {name}"  # noqa: S608 - ours
            target.execute(text(f"SELECT setval({sequence}, coalesce(({highest}), 1))"))
    return number


def _rows(source: Connection, table: Table) -> Iterator[dict[str, object]]:
    """In the order in which they came. The other database has its own migrations."""
    for row in source.execute(select(table).order_by(text("rowid"))):
        values = dict(row._mapping)
        if table.name != "state" or not str(values["key"]).startswith("migration."):
            yield values
