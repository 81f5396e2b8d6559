"""A PostgreSQL of Debian's packages, for the tests alone: own folder, own port, nothing kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from rag.settings import Settings
from rag.store.database import open_database
from tests.ports import free_port

_VERSIONS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda bin: int(bin.parent.name))
BIN = _VERSIONS[-1] if _VERSIONS else None
# Nothing here has to survive a power cut.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")
_number = count()

# For a test about the file, or one that costs time and has nothing to do with which database it is.
IN_A_FILE = pytest.mark.parametrize("database_url", [""], ids=["sqlite"])


class Postgres:
    """A running server; ``url`` is that of an empty database of one's own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def migrated(self) -> str:
        """The address of a new database with all tables: a copy, which takes some 30 ms."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'pattern'")
            if known.fetchone() is None:
                connection.execute("CREATE DATABASE pattern")
                settings = Settings(data_dir=self.folder, database_url=self.url("pattern"))
                open_database(settings).dispose()
            name = f"test_{next(_number)}"
            connection.execute(f"CREATE DATABASE {name} TEMPLATE pattern")
        return self.url(name)

    def empty(self) -> str:
        """The address of a new database without tables."""
        name = f"test_{next(_number)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def control(self, *words: str) -> None:
        run("pg_ctl", "-D", str(self.folder / "cluster"), "-w", *words)

    def start(self) -> None:
        switches = " ".join(f"-c {one}" for one in _FAST)
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} {switches}"
        self.control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self.control("-m", "immediate", "stop")


def run(program: str, *words: str) -> None:
    """As the user ``postgres`` when we are root, as whom it does not run."""
    assert BIN is not None
    as_user = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
    subprocess.run(
        [*as_user, str(BIN / program), *words], check=True, stdout=subprocess.DEVNULL, cwd="/"
    )


@contextmanager
def running() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path must be short
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    server = Postgres(folder, free_port())
    try:
        run(
            "initdb", "-D", str(folder / "cluster"), "-A", "trust", "-U", "postgres",
            "-E", "UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def on(settings: Settings, url: str) -> Settings:
    """The same settings with the database at ``url``; empty: the file."""
    return settings.model_copy(update={"database_url": SecretStr(url)})


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A test that uses it runs on both databases."""
    if request.param == "sqlite":
        return ""
    server: Postgres = request.getfixturevalue("postgres")
    return server.migrated()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if BIN is None:
        pytest.skip("PostgreSQL is not installed")
    with running() as server:
        yield server
