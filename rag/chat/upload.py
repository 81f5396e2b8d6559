"""``/upload``: asks an admin for a file and shows how it becomes a manual."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from pathlib import Path

import chainlit as cl

from rag.chat.answer_view import StatusLine
from rag.chat.door import Door
from rag.errors import RagError
from rag.ingest.formats.kinds import MEDIA_TYPES
from rag.ingest.jobs import Job
from rag.messages import say
from rag.store.disk import require_room
from rag.types import Language, Manual, ManualMetadata, ManualStatus

WAIT_FOR_FILE_S = 600
# The page compares sizes by itself, with an English message: what is too large is sent as well,
# and refused by the server in the user's language.
_PAGE_LIMIT_MB = 10_000


async def receive_manual(door: Door, language: Language) -> None:
    """Ask for the file, queue it, show its progress, say what came of it. Raises ``RagError``."""
    await asyncio.to_thread(require_room, door.services.settings, 0)
    limit = door.services.settings.max_upload_mb
    asked = cl.AskFileMessage(
        content=say("upload.ask", language, limit=limit),
        accept=MEDIA_TYPES,
        max_size_mb=_PAGE_LIMIT_MB,
        timeout=WAIT_FOR_FILE_S,
    )
    files = await asked.send()
    if not files:
        await cl.Message(content=say("upload.nothing", language)).send()
        return
    if files[0].path == os.devnull:  # noted, not kept: ``receive_file``
        raise RagError("error.upload_too_large", limit=str(limit))
    path = Path(files[0].path)
    uploader = cl.context.session.user.identifier if cl.context.session.user else ""
    metadata = ManualMetadata(file_name=files[0].name, uploaded_by=uploader)
    try:
        job = await door.jobs.enqueue(path, metadata)
    finally:
        await asyncio.to_thread(path.unlink, True)
    await _show_job(door, job, language)


async def _show_job(door: Door, job: Job, language: Language) -> None:
    """Progress until the manual is there. Raises ``RagError`` with the reason when it fails."""
    status = StatusLine()
    name = job.metadata.file_name
    try:
        async with aclosing(door.jobs.watch(job.id)) as changes:  # type: ignore[type-var]
            async for now in changes:
                words = {"name": name, "done": now.done, "total": now.total}
                await status.show(say(f"upload.stage.{now.stage}", language, **words))
    except asyncio.CancelledError:
        await status.hide()
        await cl.Message(content=say("upload.goes_on", language, name=name)).send()
        return
    await status.hide()
    ended = await door.jobs.job(job.id)
    if ended.error_key:
        raise RagError(ended.error_key, retryable=ended.retryable, **ended.error_values)
    manual = await asyncio.to_thread(door.services.library.manual, ended.manual_id or "")
    if manual is not None:
        await cl.Message(content=report(manual, language)).send()


def report(manual: Manual, language: Language) -> str:
    """What to tell the admin about a manual that was read."""
    if manual.status is ManualStatus.NEEDS_RELEASE:
        unread = ", ".join(str(page) for page in manual.quality.unread_pages) or "–"
        return say("upload.needs_release", language, title=manual.title, unread=unread)
    if manual.status in (ManualStatus.SUPERSEDED, ManualStatus.SCHEDULED):
        reason = say(f"upload.filed_{manual.status}", language, day=manual.valid_from)
        words = {"title": manual.title, "revision": manual.revision, "reason": reason}
        return say("upload.filed", language, **words)
    return say(
        "upload.done",
        language,
        title=manual.title,
        pages=manual.pages,
        chunks=manual.chunks,
        machine=manual.machine or say("upload.machine_unknown", language),
    )
