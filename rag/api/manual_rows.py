"""What routes about manuals share: who calls, what is deleted, and the rows that a page shows."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException

from rag.api.caller import request_language, required
from rag.chat.door import Door
from rag.errors import RagError
from rag.ingest.jobs import Job
from rag.ingest.manual import remove_manual
from rag.messages import say
from rag.store.library import Library
from rag.types import Chunk, Language, Manual, ManualStatus, Page, Role, User

logger = logging.getLogger(__name__)


async def admin_of(request: Request, door: Door) -> User:
    """The admin who calls. A call that changes something must say that it comes from our page:
    browsers name the origin of each such call, and ``SameOrigin`` has compared it."""
    admin = await required(request, door.accounts, Role.ADMIN)
    if request.method != "GET" and "origin" not in request.headers:
        raise HTTPException(403, say("error.foreign_origin", request_language(request.headers)))
    return admin


async def delete_manual(door: Door, manual_id: str, user: User) -> None:
    """For good. Raises ``RagError``: there is none, or it is being read."""
    manual = await asyncio.to_thread(door.services.library.manual, manual_id)
    if manual is None:
        raise RagError("error.manual_unknown")
    if manual.status is ManualStatus.PROCESSING:
        raise RagError("error.manual_wrong_status", title=manual.title)
    await remove_manual(manual_id, services=door.services)
    logger.info("manual %s: delete, by %s", manual_id, user.id)


def manual_row(manual: Manual) -> dict[str, Any]:
    """One row of the table, with the report on how the manual was read."""
    row = asdict(manual)
    del row["sha256"]
    return row


def job_row(job: Job, language: Language) -> dict[str, Any]:
    """A job with its error in the user's words; never where its file lies."""
    return {
        "id": job.id,
        "file_name": job.metadata.file_name,
        "uploaded_by": job.metadata.uploaded_by,
        "status": job.status,
        "stage": job.stage,
        "done": job.done,
        "total": job.total,
        "manual_id": job.manual_id,
        "error": say(job.error_key, language, **job.error_values) if job.error_key else "",
        "retryable": job.retryable,
        "created_at": job.created_at,
    }


def understood(library: Library, manual_id: str, index: int) -> dict[str, Any] | None:
    page = library.page(manual_id, index)
    if page is None:
        return None
    chunks = library.chunks_of(manual_id)
    here = [chunk for chunk in chunks if chunk.first_page <= index <= chunk.last_page]
    return {
        **_page_text(page),
        "passages": [_passage(chunk, index) for chunk in here],
    }


def _page_text(page: Page) -> dict[str, Any]:
    return {
        "index": page.index,
        "label": page.label,
        "text": page.text,
        "source": page.source,
        "confidence": page.confidence,
        "language": page.language,
        "hidden_text": page.hidden_text,
        "tables": [
            {"title": table.title, "header": table.header, "rows": table.rows}
            for table in page.tables
        ],
    }


def _passage(chunk: Chunk, index: int) -> dict[str, Any]:
    """A passage with its boxes on page ``index``, in fractions of the page."""
    return {
        "id": chunk.id,
        "kind": chunk.kind,
        "heading": " › ".join(chunk.heading),
        "text": chunk.text,
        "language": chunk.language,
        "signal": chunk.signal,
        "codes": chunk.codes,
        "boxes": [asdict(box) for box in chunk.boxes if box.page == index],
    }
