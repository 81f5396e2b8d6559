"""A plant's own words, for the ``ManualWords`` element: upload, versions, back to one, download."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from rag.api.caller import request_language
from rag.api.manual_rows import admin_of
from rag.api.manual_upload import safe_name
from rag.chat.door import Door
from rag.errors import BadFile
from rag.messages import say
from rag.retrieve.glossary import Concept, check_words, load_glossary, shipped_csv
from rag.services import Services
from rag.store.glossary_table import GlossaryTable

_SHOWN_ERRORS = 20
_FILE = "woerter-{version}.csv"

logger = logging.getLogger(__name__)


def glossary_routes(door: Door) -> APIRouter:
    """``/glossary`` for the admins' routes."""
    router = APIRouter(prefix="/glossary")
    table = GlossaryTable(door.services.database)
    changing = asyncio.Lock()

    async def listed() -> dict[str, Any]:
        versions = await asyncio.to_thread(table.versions)
        return {"versions": [asdict(one) for one in versions]}

    @router.get("")
    async def versions(request: Request) -> dict[str, Any]:
        await admin_of(request, door)
        return await listed()

    @router.post("", status_code=201)
    async def upload(request: Request, file_name: str = Query("", max_length=1000)) -> Any:
        """The body is the CSV itself. All of it is taken, or nothing."""
        admin = await admin_of(request, door)
        content = await request.body()
        concepts, wrong = await asyncio.to_thread(check_words, content)
        if wrong:
            return _wrong(wrong, request)
        async with changing:
            await asyncio.to_thread(
                _take, door.services, table, content, concepts, safe_name(file_name), admin.name
            )
        logger.info("the plant's words: %d lines, by %s", len(concepts), admin.id)
        return await listed()

    @router.post("/{version}/use")
    async def use(request: Request, version: int) -> dict[str, Any]:
        admin = await admin_of(request, door)
        async with changing:
            await asyncio.to_thread(_go_to, door.services, table, version)
        logger.info("the plant's words: version %d, by %s", version, admin.id)
        return await listed()

    @router.get("/{version}/file")
    async def file(request: Request, version: int) -> Response:
        """The CSV as it was uploaded; 0 is what Millwright brings."""
        await admin_of(request, door)
        content = await asyncio.to_thread(table.content, version) if version else shipped_csv()
        name = quote(_FILE.format(version=version))
        headers = {
            "Content-Disposition": f"attachment; filename={name}",
            "Cache-Control": "no-store",
        }
        # With the mark by which spreadsheets know UTF-8.
        body = "\ufeff" + content.removeprefix("\ufeff")
        return Response(body, media_type="text/csv; charset=utf-8", headers=headers)

    return router


def _take(
    services: Services,
    table: GlossaryTable,
    content: bytes,
    concepts: list[Concept],
    file_name: str,
    admin: str,
) -> None:
    text = content.decode("utf-8-sig")
    names = sum(len(terms) for concept in concepts for terms in concept.terms.values())

    def keep() -> None:
        table.add(text, file_name=file_name, concepts=len(concepts), names=names, uploaded_by=admin)

    _swap(services, text, keep)


def _go_to(services: Services, table: GlossaryTable, version: int) -> None:
    content = table.content(version) if version else None
    _swap(services, content, lambda: table.use(version))


def _swap(services: Services, content: str | None, write: Callable[[], None]) -> None:
    """Search with other words, then write it down. In this order: what is kept under the new
    version of the corpus was found with the new words."""
    former = services.glossary
    services.use_glossary(load_glossary(content))
    try:
        write()
    except BaseException:
        services.use_glossary(former)
        raise


def _wrong(wrong: list[BadFile], request: Request) -> JSONResponse:
    """Each bad line with what to do; nothing was taken."""
    language = request_language(request.headers)
    errors = [say(error.key, language, **error.values) for error in wrong[:_SHOWN_ERRORS]]
    detail = say("error.glossary_wrong", language, count=len(wrong))
    return JSONResponse({"detail": detail, "errors": errors}, 422)
