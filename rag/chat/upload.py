"""``/upload``: asks an admin for a PDF and shows how it becomes a manual."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import chainlit as cl

from rag.chat.answer_view import StatusLine
from rag.ingest.manual import ingest_manual
from rag.messages import say
from rag.services import Services
from rag.types import Language, Manual, ManualMetadata, ManualStatus

UPLOAD = "upload"
WAIT_FOR_FILE_S = 600
# The page compares sizes by itself, with an English message: what is too large is sent as well,
# and refused by the server in the user's language.
_PAGE_LIMIT_MB = 10_000


async def receive_manual(services: Services, language: Language) -> None:
    """Ask for the file, ingest it with progress, say what came of it. Raises ``RagError``."""
    asked = cl.AskFileMessage(
        content=say("upload.ask", language, limit=services.settings.max_upload_mb),
        accept={"application/pdf": [".pdf"]},
        max_size_mb=_PAGE_LIMIT_MB,
        timeout=WAIT_FOR_FILE_S,
    )
    files = await asked.send()
    if not files:
        await cl.Message(content=say("upload.nothing", language)).send()
        return
    path = Path(files[0].path)
    try:
        manual = await _ingest(services, path, files[0].name, language)
    finally:
        await asyncio.to_thread(shutil.rmtree, path.parent, ignore_errors=True)
    await cl.Message(content=report(manual, language)).send()


async def _ingest(services: Services, path: Path, name: str, language: Language) -> Manual:
    status = StatusLine()

    async def show(stage: str, done: int, total: int) -> None:
        text = say(f"upload.stage.{stage}", language, name=name, done=done, total=total)
        await status.show(text)

    uploader = cl.context.session.user.identifier if cl.context.session.user else ""
    metadata = ManualMetadata(file_name=name, uploaded_by=uploader)
    try:
        return await ingest_manual(path, metadata, show, services=services)
    finally:
        await status.hide()


def report(manual: Manual, language: Language) -> str:
    """What to tell the admin about a manual that was read."""
    if manual.status is ManualStatus.NEEDS_RELEASE:
        unread = ", ".join(str(page) for page in manual.quality.unread_pages) or "–"
        return say("upload.needs_release", language, title=manual.title, unread=unread)
    return say(
        "upload.done",
        language,
        title=manual.title,
        pages=manual.pages,
        chunks=manual.chunks,
        machine=manual.machine or say("upload.machine_unknown", language),
    )
