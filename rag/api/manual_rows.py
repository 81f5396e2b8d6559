"""What the admins' routes share: who calls, what went wrong, and the rows that the page shows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException

from rag.access.rate_limit import TooMany
from rag.api.caller import request_language, required
from rag.api.problems import problem_of
from rag.chat.door import Door
from rag.errors import BadFile, RagError, StoreDown
from rag.ingest.jobs import Job
from rag.messages import say
from rag.store.library import Library
from rag.types import Chunk, Language, Manual, Page, Role, User

_NOT_FOUND = {
    "error.manual_unknown",
    "error.job_unknown",
    "error.draft_unknown",
    "error.glossary_unknown",
}


async def admin_of(request: Request, door: Door) -> User:
    """The admin who calls. A call that changes something must say that it comes from our page:
    browsers name the origin of each such call, and ``SameOrigin`` has compared it."""
    admin = await required(request, door.accounts, Role.ADMIN)
    if request.method != "GET" and "origin" not in request.headers:
        raise HTTPException(403, say("error.foreign_origin", request_language(request.headers)))
    return admin


def refused(error: RagError, language: Language) -> HTTPException:
    """The error as an answer, in the user's words."""
    if isinstance(error, TooMany):
        return problem_of(error, language)
    status = 409
    if error.key in _NOT_FOUND:
        status = 404
    elif error.key == "error.upload_too_large":
        status = 413
    elif error.key == "error.date_wrong" or isinstance(error, BadFile):
        status = 422
    elif isinstance(error, StoreDown):
        status = 503
    return HTTPException(status, say(error.key, language, **error.values))


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
