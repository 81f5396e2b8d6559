from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from rag.errors import StoreDown
from rag.settings import Settings
from rag.store.database import MIGRATIONS, batches, open_database, reading, statements
from tests.ports import free_port
from tests.postgres import IN_A_FILE, Postgres, on


def test_every_migration_is_applied_once_and_recorded(
    settings: Settings, engine: Engine, database_url: str
) -> None:
    again = open_database(on(settings, database_url))
    with again.connect() as connection:
        names = connection.execute(
            text("SELECT key FROM state WHERE key LIKE 'migration.%' ORDER BY key")
        ).scalars()
        assert list(names) == [
            f"migration.{path.stem}" for path in sorted(MIGRATIONS.glob("*.sql"))
        ]
    again.dispose()


@IN_A_FILE
def test_connections_have_the_switches_on(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 15_000


def test_read_then_write_from_many_threads_loses_no_update(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO state VALUES ('counter', '0')")

    def count() -> None:
        for _ in range(20):
            with engine.begin() as connection:
                value = connection.exec_driver_sql(
                    "SELECT value FROM state WHERE key = 'counter'"
                ).scalar()
                connection.execute(
                    text("UPDATE state SET value = :value WHERE key = 'counter'"),
                    {"value": str(int(str(value)) + 1)},
                )

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        total = connection.exec_driver_sql("SELECT value FROM state WHERE key = 'counter'")
        assert total.scalar() == "80"


def test_a_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    with engine.begin() as writer:
        writer.exec_driver_sql("INSERT INTO state VALUES ('half', 'written')")
        with reading(engine).connect() as reader:
            query = "SELECT count(*) FROM state WHERE key = 'half'"
            assert reader.exec_driver_sql(query).scalar() == 0


def test_a_server_that_was_restarted_is_used_again(settings: Settings, postgres: Postgres) -> None:
    shared = open_database(on(settings, postgres.migrated()))
    count = text("SELECT count(*) FROM state WHERE key = 'counter'")

    def counted() -> object:
        with reading(shared).connect() as reader:
            return reader.execute(count).scalar()

    assert counted() == 0
    postgres.stop()
    with pytest.raises(DBAPIError):
        counted()
    postgres.start()
    assert counted() == 0
    with shared.begin() as writer:
        writer.exec_driver_sql("INSERT INTO state VALUES ('counter', '0')")
    assert counted() == 1
    shared.dispose()


def test_texts_are_sorted_and_kept_alike(engine: Engine) -> None:
    with engine.begin() as connection:
        for key in ("b", "ä", "B", "a-c", "ab", "nul\0l"):
            connection.execute(text("INSERT INTO state VALUES (:key, 'sorted')"), {"key": key})
        query = text("SELECT key FROM state WHERE value = 'sorted' ORDER BY key")
        found = [key.replace("\0", "") for key in connection.execute(query).scalars()]
    assert found == ["B", "a-c", "ab", "b", "null", "ä"]


def test_processes_that_start_together_migrate_once(settings: Settings, postgres: Postgres) -> None:
    shared = on(settings, postgres.empty())
    with ThreadPoolExecutor(4) as threads:
        engines = list(threads.map(lambda _: open_database(shared), range(4)))
    with engines[0].connect() as connection:
        query = text("SELECT count(*) FROM state WHERE key LIKE 'migration.%'")
        assert connection.execute(query).scalar() == len(list(MIGRATIONS.glob("*.sql")))
    for engine in engines:
        engine.dispose()


def test_a_server_that_is_away_is_said_without_the_password(settings: Settings) -> None:
    away = f"postgresql://anna:geheim@127.0.0.1:{free_port()}/millwright"
    for url in (away, "mysql://anna:geheim@host/name", "geheim"):
        with pytest.raises(StoreDown) as caught:
            open_database(on(settings, url))
        assert caught.value.key == "error.database_unusable"
        assert "geheim" not in repr(caught.value.values)


def test_a_file_that_is_no_database_is_said_clearly(settings: Settings) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "millwright.db").write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(StoreDown) as caught:
        open_database(settings)
    assert caught.value.key == "error.database_unusable"
    assert caught.value.values["path"].endswith("millwright.db")


def test_a_data_folder_that_is_a_file_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("occupied")
    with pytest.raises(StoreDown):
        open_database(Settings(data_dir=tmp_path / "data"))


def test_scripts_are_split_at_statements_not_at_semicolons() -> None:
    script = "-- a; b\nCREATE TABLE a (x);\nINSERT INTO a VALUES ('1;2');\n-- end\n"
    assert [part.strip().splitlines()[-1] for part in statements(script)] == [
        "CREATE TABLE a (x);",
        "INSERT INTO a VALUES ('1;2');",
    ]
    with pytest.raises(ValueError, match="ends inside"):
        list(statements("CREATE TABLE a (x)"))


def test_batches_lose_nothing() -> None:
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []
