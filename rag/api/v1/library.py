"""Manuals over the API: in, out, and how far they are. The same queue as the admins' page."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from rag.access.api_keys import ApiScope
from rag.api.manual_rows import delete_manual
from rag.api.manual_upload import FIELD_LETTERS, checked_day, clean_field, safe_name, take_in
from rag.api.problems import API, Problem
from rag.api.v1.access import Caller, caller_of, needs
from rag.api.v1.form import FILE, UploadForm
from rag.api.v1.schemas import JobOut, ManualList, ManualOut
from rag.api.v1.shapes import job_out, manual_out
from rag.chat.door import Door
from rag.errors import BadFile, RagError
from rag.messages import say
from rag.store.disk import require_room
from rag.types import Language, ManualMetadata, ManualStatus

FORM = "multipart/form-data"
TEXT_FIELDS = ("machine", "type", "title", "revision", "valid_from")
_LANGUAGES: dict[str, Language | None] = {"": None, "de": "de", "en": "en"}
_READ = (ApiScope.ASK, ApiScope.UPLOAD)
Id = Annotated[str, Path(min_length=1, max_length=64)]

FORM_SCHEMA = {
    "type": "object",
    "required": [FILE],
    "additionalProperties": False,
    "properties": {
        FILE: {"type": "string", "format": "binary", "description": "The manual."},
        **{name: {"type": "string", "maxLength": FIELD_LETTERS} for name in TEXT_FIELDS},
        "valid_from": {"type": "string", "format": "date"},
        "language": {"type": "string", "enum": ["de", "en"]},
    },
}


def add_library(router: APIRouter, door: Door) -> None:
    """``/manuals`` and ``/jobs/{id}``."""
    _add_upload(router, door)
    library = door.services.library

    @router.get("/manuals", response_model=ManualList, summary="All manuals")
    @needs(*_READ)
    async def manuals(
        status: ManualStatus | None = None,
        machine: str = Query("", max_length=200),
        limit: int = Query(100, ge=1, le=1000),
        offset: int = Query(0, ge=0, le=1_000_000),
    ) -> ManualList:
        found = await asyncio.to_thread(library.manuals, status)
        chosen = [one for one in found if machine in ("", one.machine)]
        shown = chosen[offset : offset + limit]
        return ManualList(manuals=[manual_out(one) for one in shown], total=len(chosen))

    @router.get("/manuals/{manual_id}", response_model=ManualOut, summary="One manual")
    @needs(*_READ)
    async def manual(manual_id: Id) -> ManualOut:
        found = await asyncio.to_thread(library.manual, manual_id)
        if found is None:
            raise RagError("error.manual_unknown")
        return manual_out(found)

    @router.delete("/manuals/{manual_id}", status_code=204, summary="Delete a manual for good")
    @needs(ApiScope.UPLOAD)
    async def delete(request: Request, manual_id: Id) -> None:
        """409 while it is being read."""
        await delete_manual(door, manual_id, caller_of(request).user)


def _add_upload(router: APIRouter, door: Door) -> None:
    settings = door.services.settings

    @router.post(
        "/manuals",
        status_code=202,
        response_model=JobOut,
        summary="Upload a manual",
        openapi_extra={
            "requestBody": {"required": True, "content": {FORM: {"schema": FORM_SCHEMA}}}
        },
    )
    @needs(ApiScope.UPLOAD, content=FORM)
    async def upload(request: Request, response: Response) -> JobOut:
        """What is left out is taken from the document. `Location` is the job: ask it until its
        `status` is "done" or "failed"."""
        caller = caller_of(request)
        await asyncio.to_thread(door.limits.spend, "upload", caller.user.id)
        announced = int(request.headers.get("content-length") or 0)
        await asyncio.to_thread(require_room, settings, announced)
        form = UploadForm(request.headers["content-type"], caller.language)
        pieces = form.pieces(request.stream())
        path = await take_in(pieces, settings.data_dir / "uploads", settings.max_upload_mb)
        try:
            job = await door.jobs.enqueue(path, _metadata(form, caller))
        finally:
            await asyncio.to_thread(path.unlink, True)
        response.headers["Location"] = f"{API}/jobs/{job.id}"
        return job_out(job, caller.language)

    @router.get("/jobs/{job_id}", response_model=JobOut, summary="How far an upload is")
    @needs(ApiScope.UPLOAD)
    async def job(request: Request, job_id: Id) -> JobOut:
        """A key sees the jobs of its own uploads."""
        caller = caller_of(request)
        found = await door.jobs.job(job_id)
        if found.metadata.uploaded_by != caller.user.name:
            raise RagError("error.job_unknown")
        return job_out(found, caller.language)


def _metadata(form: UploadForm, caller: Caller) -> ManualMetadata:
    """What the caller said of the manual. Raises ``Problem`` for fields that there are not."""
    language = caller.language
    if not form.has_file:
        raise BadFile("error.file_missing")
    known = {*TEXT_FIELDS, "language"}
    errors = [
        (f"#/{name[:60]}", say("value.unknown", language))
        for name in form.fields
        if name not in known
    ]
    errors += [
        (f"#/{name}", say("value.too_long", language, limit=FIELD_LETTERS))
        for name in TEXT_FIELDS
        if len(form.fields.get(name, "")) > FIELD_LETTERS
    ]
    spoken = form.fields.get("language", "")
    if spoken not in _LANGUAGES:
        errors.append(("#/language", say("value.choice", language, choices="de, en")))
    if errors:
        raise Problem(422, "problem.422.detail", language, errors=errors)
    said = {name: clean_field(form.fields.get(name, "")) for name in TEXT_FIELDS}
    return ManualMetadata(
        machine=said["machine"],
        type=said["type"],
        title=said["title"],
        revision=said["revision"],
        valid_from=checked_day(said["valid_from"]),
        language=_LANGUAGES[spoken],
        uploaded_by=caller.user.name,
        file_name=safe_name(form.file_name),
    )
