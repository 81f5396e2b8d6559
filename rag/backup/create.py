"""Making an archive while Millwright runs; its lock is neither needed nor taken.

SQLite's online backup gives each database as it was at one moment. Files never change once they
are written, so that those which the copied database names are exactly what belongs to it; when
one of them was deleted in between, a new copy of the database is taken.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, cast

from rag.backup.archive import (
    DATABASE,
    MANIFEST,
    SUFFIXES,
    BackupError,
    Entry,
    Manifest,
    check_database,
    counts_of,
    files_named,
    migrations_of,
)
from rag.settings import Settings
from rag.store.database import now

# Only what the database names of these; all other folders and files go along as they are.
_NAMED = ("manuals", "uploads", "elements")
# Made anew by the next start, or only of use to the running process.
_LEFT_OUT = ("cache", "chainlit", "evals", "index", "lock", "processes")
_SQLITE_SIDE_FILES = ("-wal", "-shm", "-journal")
_SECRET = "auth_secret"  # noqa: S105 - a file's name
_ATTEMPTS = 5
_FAST = 1  # gzip: manuals hardly shrink, and the machine has answers to give


class _Vanished(Exception):
    """A file was deleted after the database was copied."""


def create(settings: Settings, target: str) -> Manifest:
    """Write an archive to the file ``target``, or to standard output for ``-``.

    A file appears under its name only when it is whole, readable by its owner alone. Raises
    ``BackupError`` when there is nothing to save or no way to write it, and for PostgreSQL, whose
    own tools see to that.
    """
    data_dir = settings.data_dir.resolve()
    if settings.database_url:
        raise BackupError("backup.elsewhere", folder=str(data_dir))
    if not (data_dir / DATABASE).exists():
        raise BackupError("backup.nothing", folder=str(data_dir))
    for attempt in range(1, _ATTEMPTS + 1):
        with _snapshot(data_dir) as databases:
            missing = [
                name
                for name in files_named(databases / DATABASE)
                if not (data_dir / name).is_file()
            ]
            if missing and attempt < _ATTEMPTS:
                continue
            try:
                with _opened(target, data_dir) as stream:
                    return _write(stream, target, settings, databases, missing)
            except _Vanished as error:
                if attempt == _ATTEMPTS or target == "-":
                    raise BackupError("backup.changing", file=str(error)) from error
    raise AssertionError("unreachable")


@contextmanager
def _snapshot(data_dir: Path) -> Iterator[Path]:
    """A folder with a copy of every database, our own first: a trace that MLflow gets in between
    still waits in ours, and is written again under the same id."""
    cache = data_dir / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for old in cache.glob("backup-*"):
        shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="backup-", dir=cache))
    try:
        for path in sorted(data_dir.glob("*.db"), key=lambda one: one.name != DATABASE):
            with (
                closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=30)) as source,
                closing(sqlite3.connect(folder / path.name)) as target,
            ):
                source.backup(target)
                target.execute("PRAGMA journal_mode = DELETE")
            check_database(folder / path.name)
        yield folder
    except sqlite3.Error as error:
        raise BackupError("backup.database", reason=str(error)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(target: str, data_dir: Path) -> Iterator[IO[bytes]]:
    if target == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(target).resolve()
    if not path.name.endswith(SUFFIXES):
        raise BackupError("backup.suffix", suffixes=", ".join(SUFFIXES))
    if path.is_relative_to(data_dir):
        raise BackupError("backup.inside", folder=str(data_dir))
    if path.exists():
        raise BackupError("backup.exists", file=str(path))
    draft = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(path)
    except OSError as error:
        raise BackupError(
            "backup.not_writable", file=str(path), reason=error.strerror or str(error)
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _write(
    stream: IO[bytes], target: str, settings: Settings, databases: Path, missing: list[str]
) -> Manifest:
    data_dir = settings.data_dir.resolve()
    named = [one for one in files_named(databases / DATABASE) if one not in missing]
    files: dict[str, Entry] = {}
    with _tar(stream, compressed=not target.endswith(".tar")) as archive:
        for path in sorted(databases.iterdir()):
            files[path.name] = _add(archive, path, path.name)
        for name in named:
            files[name] = _add(archive, data_dir / name, name)
        for name in _others(data_dir):
            try:
                files[name] = _add(archive, data_dir / name, name)
            except _Vanished:
                continue  # nothing refers to it
        manifest = Manifest(
            made_at=now(),
            data_dir=str(data_dir),
            secret="in the archive" if _SECRET in files else "in the environment: keep it apart",
            migrations=migrations_of(databases / DATABASE),
            counts=counts_of(databases / DATABASE),
            files=files,
            missing=missing,
        )
        content = manifest.to_json().encode()
        _add_stream(archive, MANIFEST, io.BytesIO(content), len(content), 0)
    return manifest


@contextmanager
def _tar(stream: IO[bytes], *, compressed: bool) -> Iterator[tarfile.TarFile]:
    with ExitStack() as stack:
        if compressed:
            zipped = gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=_FAST)
            stream = cast(IO[bytes], stack.enter_context(zipped))
        yield stack.enter_context(tarfile.open(fileobj=stream, mode="w|"))


def _others(data_dir: Path) -> list[str]:
    """What else lies in the data folder, perhaps of a later version's making."""
    found = []
    for path in sorted(data_dir.rglob("*")):
        name = path.relative_to(data_dir)
        if name.parts[0] in (*_LEFT_OUT, *_NAMED) or path.is_symlink() or not path.is_file():
            continue
        if len(name.parts) == 1 and (
            path.suffix == ".db" or path.name.endswith((*_SQLITE_SIDE_FILES, ".part"))
        ):
            continue
        found.append(name.as_posix())
    return found


def _add(archive: tarfile.TarFile, path: Path, name: str) -> Entry:
    try:
        with path.open("rb") as source:
            status = os.fstat(source.fileno())
            return _add_stream(archive, name, source, status.st_size, status.st_mtime)
    except FileNotFoundError as error:
        raise _Vanished(name) from error


def _add_stream(
    archive: tarfile.TarFile, name: str, source: IO[bytes], size: int, modified: float
) -> Entry:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(modified)
    reader = _Reader(source)
    archive.addfile(member, reader)
    return Entry(reader.size, reader.sha256)


class _Reader:
    """Counts and sums up what is read through it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(size)
        self._digest.update(piece)
        self.size += len(piece)
        return piece

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
