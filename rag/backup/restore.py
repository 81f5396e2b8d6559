"""Checking an archive, and bringing it back into an empty folder."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

from rag.backup.archive import (
    DATABASE,
    MANIFEST,
    BackupError,
    Entry,
    Manifest,
    check_database,
    compare,
    copy,
    counts_of,
    files_named,
    members,
)
from rag.settings import Settings
from rag.store.database import MIGRATIONS
from rag.store.folder_lock import take_lock

UNFINISHED = ".restoring"
_MAY_BE_THERE = {"lock", "lost+found", UNFINISHED}
# Where MLflow's database names the folder of its files.
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("trace_tags", "value"),
)


def verify(source: Path) -> Manifest:
    """Read the whole archive: checksums, the databases' own checks, and every file they name.

    Raises ``BackupError`` when anything is amiss.
    """
    with tempfile.TemporaryDirectory(prefix="millwright-verify-") as folder:
        return _unpack(source, Path(folder), only_databases=True)


def restore(settings: Settings, source: Path) -> Manifest:
    """Bring an archive back into ``settings.data_dir``, which must be empty or not there.

    Everything is unpacked and checked aside before the first file comes to its place, the
    database last; a start in between refuses. Raises ``BackupError`` and ``StoreDown``.
    """
    data_dir = settings.data_dir.resolve()
    if settings.database_url:  # the archive has the file that it takes the place of
        raise BackupError("backup.restore_to_file", folder=str(data_dir))
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if {path.name for path in data_dir.iterdir()} - _MAY_BE_THERE:
            raise BackupError("backup.not_empty", folder=str(data_dir))
        lock = take_lock(data_dir)
        try:
            aside = data_dir / UNFINISHED
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            try:
                manifest = _unpack(source, aside, only_databases=False)
                _refuse_newer(manifest)
            except BaseException:
                shutil.rmtree(aside)
                raise
            _move_places(aside / "mlflow.db", manifest.data_dir, str(data_dir))
            for path in sorted(aside.iterdir(), key=lambda one: one.name == DATABASE):
                path.rename(data_dir / path.name)
            aside.rmdir()
            _sync(data_dir)
        finally:
            os.close(lock)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BackupError("backup.not_writable", file=str(data_dir), reason=reason) from error
    return manifest


def _unpack(source: Path, folder: Path, *, only_databases: bool) -> Manifest:
    """Unpack and check. Raises ``BackupError``."""
    found: dict[str, Entry] = {}
    manifest = None
    try:
        with tarfile.open(source, "r|*") as archive:
            for name, content in members(archive):
                if name == MANIFEST:
                    manifest = Manifest.from_json(content.read())
                elif only_databases and not name.endswith(".db"):
                    found[name] = copy(content, None)
                else:
                    found[name] = _keep(content, folder / name)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BackupError("backup.damaged", reason=str(error)) from error
    if manifest is None:
        raise BackupError("backup.damaged", reason=f"{MANIFEST} is missing: the end was cut off")
    compare(manifest, found)
    for name in sorted(found):
        if name.endswith(".db") and "/" not in name:
            check_database(folder / name)
    if DATABASE not in found or counts_of(folder / DATABASE) != manifest.counts:
        raise BackupError("backup.damaged", reason=f"{DATABASE}: counts differ")
    lost = set(files_named(folder / DATABASE)) - found.keys() - set(manifest.missing)
    if lost:
        raise BackupError("backup.damaged", reason=f"{min(lost)} is named but not there")
    return manifest


def _keep(content: object, path: Path) -> Entry:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        entry = copy(content, target)  # type: ignore[arg-type]
        target.flush()
        os.fsync(target.fileno())
    return entry


def _refuse_newer(manifest: Manifest) -> None:
    """An older Millwright would not understand what a newer one wrote."""
    known = {path.stem for path in MIGRATIONS.glob("[0-9]*_*.sql")}
    if newer := sorted(set(manifest.migrations) - known):
        raise BackupError("backup.newer", migrations=", ".join(newer))


def _move_places(database: Path, old: str, new: str) -> None:
    """MLflow keeps absolute addresses of its files: let them point into the new folder."""
    if not database.exists() or old == new:
        return
    before, after = Path(old).as_uri(), Path(new).as_uri()
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in _PLACES:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - ours
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (after, len(before) + 1, before, len(before) + 1, f"{before}/"),
            )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
