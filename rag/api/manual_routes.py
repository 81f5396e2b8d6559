"""The admins' library over HTTP, for the ``Manuals`` element. Each call looks up who calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from rag.api.caller import request_language, required
from rag.api.manual_upload import clean_field, safe_name, take_in
from rag.chat.door import Door
from rag.errors import BadFile, RagError, StoreDown
from rag.ingest.jobs import Job
from rag.ingest.manual import remove_manual
from rag.messages import say
from rag.store.library import Library
from rag.types import Chunk, Language, Manual, ManualMetadata, ManualStatus, Page, Role, User

PREFIX = "/api/admin"
LISTED_JOBS = 50

logger = logging.getLogger(__name__)

Change = Callable[[str], Manual]


class Edit(BaseModel):
    """What an admin may correct; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = None
    machine: str | None = None
    type: str | None = None
    revision: str | None = None
    valid_from: str | None = None


def admin_routes(door: Door) -> APIRouter:
    """``/api/admin/manuals`` and ``/api/admin/jobs``: 401 for strangers, 403 for other roles."""
    router = APIRouter(prefix=PREFIX, include_in_schema=False)
    _add_manuals(router, door)
    _add_jobs(router, door)
    return router


def _add_manuals(router: APIRouter, door: Door) -> None:
    library = door.services.library
    changes: dict[str, Change] = {
        "release": library.release,
        "activate": library.activate,
        "disable": library.disable,
        "enable": library.enable,
        "roll_back": library.roll_back,
    }

    @router.get("/manuals")
    async def manuals(request: Request) -> dict[str, Any]:
        await _admin(request, door)
        listed = await asyncio.to_thread(library.manuals)
        return {"manuals": [manual_row(manual) for manual in listed]}

    @router.post("/manuals", status_code=202)
    async def upload(
        request: Request,
        file_name: str = Query("", max_length=1000),
        machine: str = Query("", max_length=1000),
        type: str = Query("", max_length=1000),
        revision: str = Query("", max_length=1000),
        valid_from: str = Query("", max_length=1000),
    ) -> dict[str, Any]:
        """The body is the file itself."""
        admin = await _admin(request, door)
        language = request_language(request.headers)
        metadata = ManualMetadata(
            machine=clean_field(machine),
            type=clean_field(type),
            revision=clean_field(revision),
            valid_from=clean_field(valid_from),
            uploaded_by=admin.name,
            file_name=safe_name(file_name),
        )
        settings = door.services.settings
        try:
            path = await take_in(
                request.stream(), settings.data_dir / "uploads", settings.max_upload_mb
            )
            try:
                job = await door.jobs.enqueue(path, metadata)
            finally:
                await asyncio.to_thread(path.unlink, True)
        except RagError as error:
            raise refused(error, language) from error
        return {"job": job_row(job, language)}

    @router.post("/manuals/{manual_id}/{change}")
    async def change_status(request: Request, manual_id: str, change: str) -> dict[str, Any]:
        admin = await _admin(request, door)
        if change not in changes:
            raise HTTPException(404, say("error.not_found", request_language(request.headers)))
        return await _changed(request, admin, change, manual_id, changes[change])

    @router.patch("/manuals/{manual_id}")
    async def edit(request: Request, manual_id: str, wanted: Edit) -> dict[str, Any]:
        admin = await _admin(request, door)
        fields = {name: clean_field(text) for name, text in wanted.model_dump().items() if text}
        emptied = {name: "" for name, text in wanted.model_dump().items() if text == ""}

        def save(manual_id: str) -> Manual:
            return library.edit(manual_id, **emptied, **fields)

        return await _changed(request, admin, "edit", manual_id, save)

    @router.delete("/manuals/{manual_id}")
    async def delete(request: Request, manual_id: str) -> dict[str, Any]:
        admin = await _admin(request, door)
        language = request_language(request.headers)
        manual = await asyncio.to_thread(library.manual, manual_id)
        if manual is None:
            raise refused(RagError("error.manual_unknown"), language)
        if manual.status is ManualStatus.PROCESSING:
            raise refused(RagError("error.manual_wrong_status", title=manual.title), language)
        await remove_manual(manual_id, services=door.services)
        logger.info("manual %s: delete, by %s", manual_id, admin.id)
        return {"manual": None}

    @router.get("/manuals/{manual_id}/pages/{index}")
    async def page(request: Request, manual_id: str, index: int) -> dict[str, Any]:
        """A page as it was understood, to be shown beside its picture."""
        await _admin(request, door)
        found = await asyncio.to_thread(_understood, library, manual_id, index)
        if found is None:
            raise HTTPException(404, say("error.not_found", request_language(request.headers)))
        return found


def _add_jobs(router: APIRouter, door: Door) -> None:
    @router.get("/jobs")
    async def jobs(request: Request) -> dict[str, Any]:
        await _admin(request, door)
        language = request_language(request.headers)
        listed = await door.jobs.jobs(LISTED_JOBS)
        manuals = await asyncio.to_thread(door.services.library.manuals)
        status = {manual.id: manual.status for manual in manuals}
        return {
            "jobs": [
                {**job_row(job, language), "manual_status": status.get(job.manual_id or "")}
                for job in listed
            ],
            "reindexing": door.jobs.reindexing,
            "version": await asyncio.to_thread(door.services.library.corpus_version),
        }

    @router.post("/jobs/{job_id}/{change}")
    async def change_job(request: Request, job_id: str, change: str) -> dict[str, Any]:
        await _admin(request, door)
        language = request_language(request.headers)
        changes = {"cancel": door.jobs.cancel, "retry": door.jobs.retry}
        if change not in changes:
            raise HTTPException(404, say("error.not_found", language))
        try:
            return {"job": job_row(await changes[change](job_id), language)}
        except RagError as error:
            raise refused(error, language) from error

    @router.delete("/jobs/{job_id}")
    async def forget_job(request: Request, job_id: str) -> dict[str, Any]:
        await _admin(request, door)
        try:
            await door.jobs.forget(job_id)
        except RagError as error:
            raise refused(error, request_language(request.headers)) from error
        return {"job": None}


# --- who, and what went wrong --------------------------------------------------------------------


async def _admin(request: Request, door: Door) -> User:
    """The admin who calls. A call that changes something must say that it comes from our page:
    browsers name the origin of each such call, and ``SameOrigin`` has compared it."""
    admin = await required(request, door.accounts, Role.ADMIN)
    if request.method != "GET" and "origin" not in request.headers:
        raise HTTPException(403, say("error.foreign_origin", request_language(request.headers)))
    return admin


async def _changed(
    request: Request, admin: User, name: str, manual_id: str, change: Change
) -> dict[str, Any]:
    try:
        manual = await asyncio.to_thread(change, manual_id)
    except RagError as error:
        raise refused(error, request_language(request.headers)) from error
    logger.info("manual %s: %s, by %s", manual_id, name, admin.id)
    return {"manual": manual_row(manual)}


def refused(error: RagError, language: Language) -> HTTPException:
    """The error as an answer, in the user's words."""
    status = 409
    if error.key in ("error.manual_unknown", "error.job_unknown"):
        status = 404
    elif error.key == "error.upload_too_large":
        status = 413
    elif isinstance(error, BadFile):
        status = 422
    elif isinstance(error, StoreDown):
        status = 503
    return HTTPException(status, say(error.key, language, **error.values))


# --- what the page shows -------------------------------------------------------------------------


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


def _understood(library: Library, manual_id: str, index: int) -> dict[str, Any] | None:
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
