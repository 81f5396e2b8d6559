"""Pages of manuals as pictures, and manuals as files: for keys, and for the chat's own page."""

from __future__ import annotations

import asyncio
from pathlib import PurePath

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response

from rag.access.api_keys import ApiScope
from rag.api.manual_files import WIDTHS_PX, PageImages, media_type
from rag.api.v1.access import needs
from rag.api.v1.library import Id
from rag.chat.door import Door
from rag.errors import RagError
from rag.ingest.open import view_of
from rag.types import Manual, ManualStatus

_PRIVATE_DAY = {"Cache-Control": "private, max-age=86400"}
_READ = (ApiScope.ASK, ApiScope.UPLOAD)
_IMAGES = ("image/png", "image/webp", "image/jpeg")
# Not its own type: an uploaded web page must never be opened as one of ours.
_UNKNOWN = "application/octet-stream"
_BINARY = {"schema": {"type": "string", "format": "binary"}}


def add_pages(router: APIRouter, door: Door) -> None:
    """``/pages/{manual}/{index}`` and ``/manuals/{manual}/file``."""
    library = door.services.library
    images = PageImages(door.services.settings.data_dir / "cache" / "pages")

    async def find(manual_id: str) -> Manual:
        manual = await asyncio.to_thread(library.manual, manual_id)
        # Old and disabled revisions stay viewable: earlier answers cite them.
        if manual is None or manual.status is ManualStatus.PROCESSING:
            raise RagError("error.manual_unknown")
        return manual

    @router.get(
        "/pages/{manual_id}/{index}",
        response_class=Response,
        summary="A page as a picture",
        responses={200: {"content": dict.fromkeys(_IMAGES, _BINARY)}},
    )
    @needs(*_READ, session=True)
    async def page(manual_id: Id, index: int, width: int = Query(960, ge=1, le=4000)) -> Response:
        """`index` counts from 1; the picture is at least `width` pixels wide, up to 2400."""
        manual = await find(manual_id)
        if not 1 <= index <= manual.pages:
            raise RagError("error.not_found")
        nearest = next((one for one in WIDTHS_PX if one >= width), WIDTHS_PX[-1])
        file = library.file_path(manual)
        image = await asyncio.to_thread(images.get, file, manual.id, index, nearest)
        return Response(image, media_type=media_type(image), headers=_PRIVATE_DAY)

    @router.get(
        "/manuals/{manual_id}/file",
        response_class=FileResponse,
        summary="The manual as a file",
        responses={200: {"content": {"application/pdf": _BINARY, _UNKNOWN: _BINARY}}},
    )
    @needs(*_READ, session=True)
    async def file(manual_id: Id, original: bool = Query(False)) -> FileResponse:
        """As a PDF, whatever was uploaded; with `original` the uploaded file, to be saved."""
        manual = await find(manual_id)
        path = library.file_path(manual)
        shown = view_of(path)
        if original:
            return FileResponse(path, media_type=_UNKNOWN, filename=manual.file_name)
        return FileResponse(
            shown,
            media_type="application/pdf",
            filename=manual.file_name
            if shown == path
            else f"{PurePath(manual.file_name).stem}.pdf",
            content_disposition_type="inline",
            headers=_PRIVATE_DAY,
        )
