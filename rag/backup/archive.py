"""What an archive is made of: its manifest, its databases, and how both are checked."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from rag.errors import RagError
from rag.ingest.formats.kinds import VIEW_SUFFIX, has_view

MANIFEST = "manifest.json"
DATABASE = "millwright.db"
FORMAT = 1
PIECE = 1024 * 1024
SUFFIXES = (".tar.gz", ".tgz", ".tar")
# Tables whose rows are counted into the manifest, so that a person sees what an archive holds.
_COUNTED = ("manuals", "pages", "chunks", "jobs", "accounts", "answers", "ratings", "threads")


class BackupError(RagError):
    """An archive that cannot be made, or is not to be trusted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands in ``manifest.json``. ``data_dir`` is where the data came from; ``missing`` are
    files that the database names and the original had already lost."""

    made_at: str
    data_dir: str
    secret: str
    migrations: list[str]
    counts: dict[str, int]
    files: dict[str, Entry]
    missing: list[str] = field(default_factory=list)
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @staticmethod
    def from_json(text: str | bytes) -> Manifest:
        """Raises ``BackupError`` for anything but a manifest of a format that we know."""
        try:
            values: dict[str, Any] = json.loads(text)
            if values["format"] != FORMAT:
                raise BackupError("backup.format_unknown", format=str(values["format"]))
            files = {name: Entry(**entry) for name, entry in values.pop("files").items()}
            return Manifest(files=files, **values)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise BackupError("backup.damaged", reason=str(error)) from error


def members(archive: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each file, in order. Raises ``BackupError`` for anything else in it: a
    link, a device, or a name that leads out of the folder."""
    for member in archive:
        path = PurePosixPath(member.name)
        if not member.isreg() or path.is_absolute() or ".." in path.parts:
            raise BackupError("backup.damaged", reason=f"unexpected member {member.name!r}")
        content = archive.extractfile(member)
        if content is None:
            raise BackupError("backup.damaged", reason=f"no content in {member.name!r}")
        yield member.name, content


def copy(source: IO[bytes], target: IO[bytes] | None) -> Entry:
    """Copy all of ``source`` in pieces (or only read it); its size and checksum."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(PIECE):
        digest.update(piece)
        size += len(piece)
        if target is not None:
            target.write(piece)
    return Entry(size, digest.hexdigest())


def compare(manifest: Manifest, found: dict[str, Entry]) -> None:
    """Raises ``BackupError`` naming the first file that is missing, too much or different."""
    for name in sorted(manifest.files.keys() ^ found.keys()):
        raise BackupError("backup.damaged", reason=f"{name}: listed or there, but not both")
    for name, entry in manifest.files.items():
        if found[name] != entry:
            raise BackupError("backup.damaged", reason=f"{name}: checksum differs")


def check_database(path: Path) -> None:
    """SQLite's own check of a whole file. Raises ``BackupError`` with what it says."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
            orphans = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        verdict, orphans = str(error), None
    if verdict != "ok" or orphans is not None:
        reason = verdict if verdict != "ok" else f"row without its parent in {orphans[0]}"
        raise BackupError("backup.damaged", reason=f"{path.name}: {reason}")


def counts_of(path: Path) -> dict[str, int]:
    """Rows of the tables that matter to a person."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
            for table in _COUNTED
        }


def migrations_of(path: Path) -> list[str]:
    """The migrations that the database has been through."""
    query = "SELECT key FROM state WHERE key LIKE 'migration.%' ORDER BY key"
    with closing(sqlite3.connect(path)) as connection:
        return [str(key).removeprefix("migration.") for (key,) in connection.execute(query)]


def files_named(path: Path) -> list[str]:
    """Every file that the database cannot do without, relative to the data folder.

    A manual that is just being read is not among them: its job is, and reads it again.
    """
    manuals = "SELECT id, file_name FROM manuals WHERE status <> 'processing'"
    jobs = (
        "SELECT file_path FROM jobs WHERE status IN ('queued', 'running') "
        "OR (status = 'failed' AND retryable = 1)"
    )
    elements = 'SELECT "objectKey" FROM elements WHERE "objectKey" IS NOT NULL'
    with closing(sqlite3.connect(path)) as connection:
        named = []
        for manual, file_name in connection.execute(manuals):
            suffix = Path(file_name).suffix.lower() or ".pdf"
            named.append(f"manuals/{manual}{suffix}")
            if has_view(suffix):
                named.append(f"manuals/{manual}{VIEW_SUFFIX}")
        named += [f"uploads/{Path(file).name}" for (file,) in connection.execute(jobs)]
        named += [f"elements/{key}" for (key,) in connection.execute(elements)]
    return sorted(set(named))
