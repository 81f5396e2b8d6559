"""The one relational database: opened with the right switches, and migrated by numbered SQL files.

It is a SQLite file, or PostgreSQL (``rag.store.postgres``). Every transaction takes SQLite's write
lock when it begins (``BEGIN IMMEDIATE``), so that "read, then write" never fails half-way with
"database is locked"; ``reading(engine)`` gives an engine whose transactions only read and therefore
never wait for a writer (WAL).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError

from rag.errors import StoreDown
from rag.settings import Settings
from rag.store.postgres import (
    check,
    is_postgres,
    open_postgres,
    translated,
)

MIGRATIONS = Path(__file__).parent / "migrations"
# The time is in ms.
_SWITCHES = (
    "busy_timeout = 15000",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
)
Item = TypeVar("Item")


def open_database(settings: Settings) -> Engine:
    """PostgreSQL at DATABASE_URL, else the file ``data_dir/millwright.db``; made and migrated
    when needed.

    Raises ``StoreDown("error.database_unusable")`` when it cannot be opened or is none.
    """
    shared = bool(settings.database_url.get_secret_value())
    engine = open_postgres(settings) if shared else _open_file(settings)
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        if shared:
            check(engine)
        migrate(engine)
    except (OSError, ValueError, sqlite3.Error, DBAPIError) as error:
        engine.dispose()
        place = engine.url.render_as_string() if shared else str(engine.url.database)
        reason = str(getattr(error, "orig", error)).strip()
        raise StoreDown("error.database_unusable", path=place, reason=reason) from error
    return engine


def lower_case(dialect: str) -> str:
    """SQL for small letters, umlauts too, of what takes the place of ``{}``."""
    return 'lower({} COLLATE "und-x-icu")' if dialect == "postgresql" else "small_letters({})"


def reading(engine: Engine) -> Engine:
    """The same database for transactions that only read: they never wait for a writer."""
    if is_postgres(engine):
        return engine.execution_options(only_reads=True, isolation_level="AUTOCOMMIT")
    return engine.execution_options(only_reads=True)


def now() -> str:
    """The present time as stored: ISO 8601 in UTC, to the microsecond, sortable as text."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def tables(engine: Engine, *names: str) -> list[Table]:
    """The tables as the migrations made them; the SQL files stay the only description."""
    metadata = MetaData()
    return [Table(name, metadata, autoload_with=engine) for name in names]


def batches(items: Iterable[Item], size: int = 500) -> Iterator[list[Item]]:
    """``items`` in lists of at most ``size``, none of them empty."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def migrate(engine: Engine) -> None:
    """Apply what is missing, in order of number, each file in one transaction with its record.

    Several processes may do so at once: a transaction that writes is alone.
    """
    for path in sorted(MIGRATIONS.glob("[0-9]*_*.sql")):
        with engine.begin() as connection:
            if not _is_applied(connection, path.stem):
                for statement in _statements_for(engine, path):
                    connection.exec_driver_sql(statement)
                connection.execute(
                    text("INSERT INTO state (key, value) VALUES (:key, :value)"),
                    {"key": f"migration.{path.stem}", "value": now()},
                )


def statements(script: str) -> Iterator[str]:
    """The single statements of an SQL script; comments and triggers are understood."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if any(line.strip() and not line.lstrip().startswith("--") for line in statement.splitlines()):
        raise ValueError(f"SQL script ends inside a statement: {statement!r}")


def _statements_for(engine: Engine, path: Path) -> Iterator[str]:
    """Those of the file; for PostgreSQL in its words, and what it alone needs besides."""
    script = path.read_text(encoding="utf-8")
    if not is_postgres(engine):
        yield from statements(script)
        return
    yield from map(translated, statements(script))
    more = path.parent / "postgresql" / path.name
    if more.exists():
        yield from statements(more.read_text(encoding="utf-8"))


def _is_applied(connection: Connection, name: str) -> bool:
    if not inspect(connection).has_table("state"):
        return False
    query = text("SELECT 1 FROM state WHERE key = :key")
    return connection.execute(query, {"key": f"migration.{name}"}).first() is not None


def _open_file(settings: Settings) -> Engine:
    engine = create_engine(
        f"sqlite:///{settings.data_dir / 'millwright.db'}",
        pool_size=8,
        max_overflow=8,
        hide_parameters=True,  # what people wrote must be in no message of an error
    )
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_connection(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own transaction control is switched off: it would run DDL outside of any.
    connection.isolation_level = None
    connection.create_function("small_letters", 1, str.lower, deterministic=True)
    cursor = connection.cursor()
    for switch in _SWITCHES:
        cursor.execute(f"PRAGMA {switch}")
    cursor.close()


def _begin(connection: Connection) -> None:
    only_reads = connection.get_execution_options().get("only_reads", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
