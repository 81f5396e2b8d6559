"""The story of a manual: check → copy → read → keep unseen → embed → publish at once.

A manual is found complete or not at all. Until it is published nothing of it is visible, and
whatever fails on the way takes everything along again: rows, points and file.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4

from rag.errors import BadFile, StoreDown
from rag.ingest.formats.kinds import VIEW_SUFFIX, view_path
from rag.ingest.ids import manual_id
from rag.ingest.open import check_content, sha256_of
from rag.ingest.reading import Reading, read_in_worker
from rag.settings import Settings
from rag.store.database import batches, now
from rag.store.library import Library, already_there
from rag.store.vectors import VectorIndex
from rag.types import Chunk, Manual, ManualMetadata, ManualStatus

_log = logging.getLogger(__name__)

OnProgress = Callable[[str, int, int], Awaitable[None]]
Result = TypeVar("Result")

_COPY_BYTES = 1024 * 1024
_CHUNKS_PER_STEP = 8  # some 0.2 s of embedding: how soon a cancel is heard
INCOMING = "incoming-"
# No space left, a quota used up, a limit on the size of files (RLIMIT_FSIZE).
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class TakenOver(Exception):
    """Another process has the work by now: what is there is its own."""


class Stores(Protocol):
    """The part of ``Services`` that a manual needs."""

    @property
    def settings(self) -> Settings: ...
    @property
    def library(self) -> Library: ...
    @property
    def vectors(self) -> VectorIndex: ...


async def ingest_manual(
    path: Path, metadata: ManualMetadata, on_progress: OnProgress, *, services: Stores
) -> Manual:
    """Make the file at ``path`` a manual of the library; the file itself is left alone.

    ``on_progress(stage, done, total)`` is called with "checking" (bytes), "reading" (pages),
    "embedding" (chunks) and "publishing". Returns the manual, active or waiting for its release.
    Raises ``BadFile`` for what cannot become a manual, ``StoreDown`` when there is no room or no
    index. May be cancelled at any time.
    """
    library, settings = services.library, services.settings
    file_name = metadata.file_name or path.name
    await on_progress("checking", 0, 1)
    await in_thread(check_file, path, settings, file_name)
    incoming = library.folder / f"{INCOMING}{uuid4().hex}{Path(file_name).suffix.lower()}"
    try:
        sha256 = await in_thread(copy_file, path, incoming)
        await in_thread(_refuse_known, library, sha256)
        await on_progress("checking", 1, 1)

        async def on_page(done: int, total: int) -> None:
            await on_progress("reading", done, total)

        reading = await read_in_worker(
            incoming, file_name=file_name, settings=settings, on_page=on_page
        )
        manual = describe(sha256, file_name, metadata, reading)
        await in_thread(library.add, manual, reading.pages, reading.chunks)
        try:
            await in_thread(_put_away, incoming, library.file_path(manual))
            await _index(reading.chunks, on_progress, services.vectors)
            await on_progress("publishing", 0, 1)
            # Nothing is awaited after this: whoever cancels gets all of the manual, or none.
            return await in_thread(library.publish, manual.id)
        except TakenOver:
            raise
        except BaseException:
            await asyncio.shield(in_thread(forget_manual, manual.id, services))
            raise
    except BaseException as error:
        await asyncio.shield(in_thread(incoming.unlink, True))
        await asyncio.shield(in_thread(view_path(incoming).unlink, True))
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise StoreDown("error.disk_full", retryable=True) from error
        raise


async def remove_manual(manual_id: str, *, services: Stores) -> None:
    """Delete a manual for good: hidden first, then its points and its file."""
    await in_thread(forget_manual, manual_id, services)


def forget_manual(manual_id: str, services: Stores) -> None:
    """Rows, file, pictures and points of a manual; what is not there is no error.

    Points that a silent server keeps are invisible without the rows, and swept at the next start.
    """
    services.library.remove(manual_id)
    (services.library.folder / f"{manual_id}{VIEW_SUFFIX}").unlink(missing_ok=True)
    for picture in (services.settings.data_dir / "cache" / "pages").glob(f"{manual_id}-*"):
        picture.unlink(missing_ok=True)
    try:
        services.vectors.remove(manual_id)
    except StoreDown as error:
        _log.warning("the points of %s stay until the next start: %s", manual_id, error)


def forget_half_done(path: Path, services: Stores) -> None:
    """Before a file is read once more: forget what a killed process had of it."""
    known = services.library.manual(manual_id(sha256_of(path)))
    if known is not None and known.status is ManualStatus.PROCESSING:
        forget_manual(known.id, services)


def sweep(services: Stores) -> None:
    """Put away what a killed process left half done. Call it before the first ingest."""
    for manual in services.library.manuals(status=ManualStatus.PROCESSING):
        _log.warning("removing the half-ingested manual %s", manual.title)
        forget_manual(manual.id, services)
    for leftover in services.library.folder.glob(f"{INCOMING}*"):
        leftover.unlink()
    services.library.finish_removals()
    for view in services.library.folder.glob(f"*{VIEW_SUFFIX}"):
        if services.library.manual(view.name.removesuffix(VIEW_SUFFIX)) is None:
            view.unlink()
    try:
        services.vectors.sweep(services.library)
    except StoreDown as error:
        _log.warning("the index was not swept: %s", error)


# --- steps ---------------------------------------------------------------------------------------


def check_file(path: Path, settings: Settings, file_name: str = "") -> None:
    """Refuse by size and content, before anything is copied; ``file_name`` as it was uploaded.
    Raises ``BadFile``."""
    if path.stat().st_size > settings.max_upload_mb * 1024 * 1024:
        raise BadFile("error.upload_too_large", limit=str(settings.max_upload_mb))
    check_content(path, file_name)


def _put_away(incoming: Path, path: Path) -> None:
    """The file to its place in the library, and its view copy beside it when it has one."""
    incoming.rename(path)
    if view_path(incoming).exists():
        view_path(incoming).rename(view_path(path))


def copy_file(source: Path, target: Path) -> str:
    """Copy in pieces, safe on disk when it returns; the SHA-256 of what was copied, in hex."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while piece := reader.read(_COPY_BYTES):
            digest.update(piece)
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def take_file(source: Path, target: Path, *, link: bool) -> None:
    """A copy, safe on disk; with ``link`` a second name of the file, where it can have two."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
        with source.open("rb") as file:
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):
            target.hardlink_to(source)
            return
    copy_file(source, target)


def describe(sha256: str, file_name: str, metadata: ManualMetadata, reading: Reading) -> Manual:
    """The manual's record: what the admin said, and where that is empty what the document says."""
    said = Reading() if metadata.is_complete else reading
    return Manual(
        id=manual_id(sha256),
        sha256=sha256,
        title=metadata.title or said.title or Path(file_name).stem,
        machine=metadata.machine or said.machine,
        type=metadata.type or said.type,
        revision=metadata.revision or said.revision,
        language=metadata.language or reading.language,
        file_name=file_name,
        pages=len(reading.pages),
        chunks=len(reading.chunks),
        status=ManualStatus.PROCESSING,
        valid_from=metadata.valid_from,
        uploaded_by=metadata.uploaded_by,
        uploaded_at=now(),
        quality=reading.quality,
        replaces=metadata.replaces,
    )


def _refuse_known(library: Library, sha256: str) -> None:
    known = library.manual(manual_id(sha256))
    if known is not None:
        raise already_there(known)


async def _index(chunks: list[Chunk], on_progress: OnProgress, vectors: VectorIndex) -> None:
    """Embed and store the points, a few at a time and off the event loop."""
    done = 0
    await on_progress("embedding", 0, len(chunks))
    for batch in batches(chunks, _CHUNKS_PER_STEP):
        await in_thread(_embed_and_store, vectors, batch)
        done += len(batch)
        await on_progress("embedding", done, len(chunks))
    await in_thread(vectors.flush)


def _embed_and_store(vectors: VectorIndex, chunks: list[Chunk]) -> None:
    vectors.upsert(chunks, vectors.embed(chunks))


async def in_thread(step: Callable[..., Result], *arguments: object) -> Result:
    """Run a step in a thread and see its end even when cancelled: a thread cannot be stopped, and
    what it still writes must not come after the cleaning up."""
    running = asyncio.ensure_future(asyncio.to_thread(step, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        running.exception()  # looked at, so that asyncio does not report it as lost
        raise
