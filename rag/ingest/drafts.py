"""Files that were sent but not yet put in the queue: their admin still fills in the form.

A draft lies on disk until its admin confirms it, throws it away, or an hour has passed; a note
beside it says whose it is, so that it outlives the process however that ends. Each process knows
its own drafts only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

from rag.errors import BadFile, RagError, StoreDown
from rag.ingest.formats.kinds import view_path
from rag.ingest.ids import manual_id
from rag.ingest.jobs import Job, JobQueue
from rag.ingest.manual import check_file, in_thread
from rag.ingest.open import sha256_of
from rag.ingest.reading import look_in_worker
from rag.settings import Settings
from rag.store.library import Library, already_there
from rag.types import Look, ManualMetadata

_log = logging.getLogger(__name__)

KEPT_S = 3600.0
MOST_OF_ONE = 20  # drafts of one admin
MOST_MB = 20  # of all drafts together, in largest uploads
_SWEEP_S = 60.0
_NOTE = ".note"


@dataclass(frozen=True, slots=True)
class Draft:
    """``look`` is what the first pages say, ``None`` when they could not be looked at in time.
    ``kept_until`` is in seconds of ``Drafts.clock``."""

    id: str
    path: Path
    file_name: str
    size: int
    sha256: str
    owner: str
    kept_until: float
    look: Look | None = None


class Drafts:
    """Lives in one event loop. ``clock`` tells seconds; a draft is kept for an hour of it.
    ``folder`` must be this process's own."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        jobs: JobQueue,
        clock: Callable[[], float] = time.monotonic,
        folder: Path | None = None,
    ) -> None:
        self.folder = folder or settings.data_dir / "drafts"
        self._settings = settings
        self._library = library
        self._jobs = jobs
        self.clock = clock
        self._drafts: dict[str, Draft] = {}
        self._looking = asyncio.Lock()
        self._sweeper: asyncio.Task[None] | None = None

    # --- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take over the drafts of a former process for another hour, and sweep from now on."""
        for draft in await asyncio.to_thread(self._left):
            self._drafts.setdefault(draft.id, draft)
        self._sweeper = asyncio.create_task(self._keep_sweeping(), name="drafts")

    async def stop(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper

    # --- what an admin does ----------------------------------------------------------------------

    def make_room(self, owner: str) -> None:
        """Raises ``RagError`` when ``owner`` has too many drafts, or all together are too large."""
        used = sum(draft.size for draft in self._drafts.values())
        if used > (MOST_MB - 1) * self._settings.max_upload_mb * 1024 * 1024:
            raise RagError("error.drafts_full", retryable=True)
        if len(self.of(owner)) >= MOST_OF_ONE:
            raise RagError("error.drafts_too_many", limit=str(MOST_OF_ONE))

    async def add(self, path: Path, file_name: str, owner: str) -> Draft:
        """Take over the file at ``path`` and look at it.

        Raises ``BadFile`` when it cannot become a manual or is one already; then it is deleted.
        A look that takes too long is no error. The draft is kept from the first moment: whoever
        goes away while it is looked at finds it again.
        """
        try:
            await in_thread(check_file, path, self._settings, file_name)
            digest = await in_thread(sha256_of, path)
            known = await asyncio.to_thread(self._library.manual, manual_id(digest))
            if known is not None:
                raise already_there(known)
            self._refuse_twice(digest)
            draft = Draft(
                id=uuid4().hex,
                path=path,
                file_name=file_name,
                size=await asyncio.to_thread(_size, path),
                sha256=digest,
                owner=owner,
                kept_until=self.clock() + KEPT_S,
            )
        except BaseException:
            await asyncio.shield(in_thread(_delete, path))
            raise
        self._drafts[draft.id] = draft
        return await self._looked_at(draft)

    def of(self, owner: str) -> list[Draft]:
        """The drafts of one admin, the oldest first."""
        return [draft for draft in self._drafts.values() if draft.owner == owner]

    def get(self, draft_id: str, owner: str) -> Draft:
        """Raises ``RagError("error.draft_unknown")``, also for the draft of somebody else."""
        draft = self._drafts.get(draft_id)
        if draft is None or draft.owner != owner:
            raise RagError("error.draft_unknown")
        return draft

    async def confirm(self, draft_id: str, metadata: ManualMetadata) -> Job:
        """Put the draft in the queue with what its admin (``metadata.uploaded_by``) says of it.
        When that fails the draft stays. What was looked at needs no second guess: see
        ``ManualMetadata.is_complete``."""
        draft = self.get(draft_id, metadata.uploaded_by)
        del self._drafts[draft_id]  # a second click finds nothing
        seen = draft.look is not None and draft.look.has_text
        said = replace(metadata, file_name=draft.file_name, is_complete=seen)
        try:
            job = await self._jobs.enqueue(draft.path, said, link=True)
        except BaseException:
            self._drafts[draft_id] = draft
            raise
        await asyncio.to_thread(_delete, draft.path)
        return job

    async def discard(self, draft_id: str, owner: str) -> None:
        await self._give_up(self.get(draft_id, owner))

    # --- steps -----------------------------------------------------------------------------------

    async def _looked_at(self, draft: Draft) -> Draft:
        try:
            async with self._looking:  # one reader more than the queue's is enough
                look = await look_in_worker(
                    draft.path, file_name=draft.file_name, settings=self._settings
                )
            noted = replace(draft, look=look)
            await asyncio.to_thread(_write_note, noted)
        except BadFile:
            await self._give_up(draft)
            raise
        except OSError as error:
            await self._give_up(draft)
            raise StoreDown("error.disk_full", retryable=True) from error
        if draft.id in self._drafts:
            self._drafts[draft.id] = noted
        else:  # thrown away while it was looked at
            await asyncio.to_thread(_delete, draft.path)
        return noted

    async def _give_up(self, draft: Draft) -> None:
        self._drafts.pop(draft.id, None)
        await asyncio.to_thread(_delete, draft.path)

    def _refuse_twice(self, sha256: str) -> None:
        for draft in self._drafts.values():
            if draft.sha256 == sha256:
                raise BadFile("error.draft_twice", name=draft.file_name)

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            await self.sweep()

    async def sweep(self) -> None:
        """Delete the drafts whose hour is over."""
        for draft in list(self._drafts.values()):
            if draft.kept_until <= self.clock():
                _log.info("the draft %s was not confirmed within an hour", draft.id)
                self._drafts.pop(draft.id, None)
                await asyncio.to_thread(_delete, draft.path)

    def _left(self) -> list[Draft]:
        """The drafts of a former process; what else it left is put away."""
        self.folder.mkdir(parents=True, exist_ok=True)
        drafts = [self._read_note(note) for note in self.folder.glob(f"*{_NOTE}")]
        left = [draft for draft in drafts if draft is not None]
        kept = {path for draft in left for path in _paths(draft.path)}
        for path in self.folder.iterdir():
            if path not in kept:
                path.unlink()
        return left

    def _read_note(self, note: Path) -> Draft | None:
        """``None`` when it was only half written, or confirmed and not yet put away."""
        try:
            told = json.loads(note.read_text(encoding="utf-8"))
            look = Look(**told.pop("look")) if told["look"] else None
            path = note.with_name(note.name.removesuffix(_NOTE))
            draft = Draft(path=path, look=look, kept_until=self.clock() + KEPT_S, **told)
            if path.stat().st_nlink > 1:  # the queue has it
                return None
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return None if self._library.manual(manual_id(draft.sha256)) else draft


def _write_note(draft: Draft) -> None:
    """What a later process must know of the draft. Raises ``OSError`` on a full disk."""
    told = asdict(draft)
    del told["path"], told["kept_until"]
    draft.path.with_name(draft.path.name + _NOTE).write_text(json.dumps(told), encoding="utf-8")


def _delete(path: Path) -> None:
    """With what was put beside it."""
    for one in _paths(path):
        one.unlink(missing_ok=True)


def _paths(path: Path) -> tuple[Path, Path, Path]:
    """The file, what the look left beside it, and the note."""
    return path, view_path(path), path.with_name(path.name + _NOTE)


def _size(path: Path) -> int:
    return path.stat().st_size
