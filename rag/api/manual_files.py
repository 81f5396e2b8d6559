"""Pages of manuals as pictures, and manuals as files, for people who are logged in."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

from rag.access.accounts import Accounts
from rag.api.caller import request_language, required
from rag.ingest.render import page_image
from rag.messages import say
from rag.store.library import Library
from rag.types import Manual, ManualStatus

WIDTHS_PX = (480, 960, 1600, 2400)
CACHED_IMAGES = 400  # some 100 MB of disk
_PRIVATE_DAY = {"Cache-Control": "private, max-age=86400"}


class PageImages:
    """Rendered pages, kept on disk up to ``limit`` of them; the longest unused go first."""

    def __init__(self, folder: Path, limit: int = CACHED_IMAGES) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()

    def get(self, file: Path, manual_id: str, index: int, width: int) -> bytes:
        """The picture of page ``index`` (1-based), ``width`` px wide."""
        path = self._folder / f"{manual_id}-{index}-{width}"
        if path.exists():
            path.touch()
            return path.read_bytes()
        image = page_image(file, index, width_px=width)
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".new")
            draft.write_bytes(image)
            draft.replace(path)
            kept = sorted(self._folder.iterdir(), key=lambda one: one.stat().st_mtime)
            for old in kept[: max(0, len(kept) - self._limit)]:
                old.unlink(missing_ok=True)
        return image


def media_type(image: bytes) -> str:
    """The type of a picture by its first bytes."""
    if image.startswith(b"\x89PNG"):
        return "image/png"
    return "image/webp" if image[8:12] == b"WEBP" else "image/jpeg"


def manual_routes(library: Library, accounts: Accounts, cache: Path) -> APIRouter:
    """``/api/v1/pages/{manual}/{index}`` and ``/api/v1/manuals/{manual}/file``."""
    router = APIRouter(prefix="/api/v1")
    images = PageImages(cache)

    async def find(request: Request, manual_id: str) -> Manual:
        await required(request, accounts)
        manual = await asyncio.to_thread(library.manual, manual_id)
        # Old and disabled revisions stay viewable: earlier answers cite them.
        if manual is None or manual.status is ManualStatus.PROCESSING:
            raise HTTPException(404, say("error.not_found", request_language(request.headers)))
        return manual

    @router.get("/pages/{manual_id}/{index}")
    async def page(
        request: Request, manual_id: str, index: int, width: int = Query(960, ge=1, le=4000)
    ) -> Response:
        manual = await find(request, manual_id)
        if not 1 <= index <= manual.pages:
            raise HTTPException(404, say("error.not_found", request_language(request.headers)))
        nearest = next((one for one in WIDTHS_PX if one >= width), WIDTHS_PX[-1])
        image = await asyncio.to_thread(
            images.get, library.file_path(manual), manual.id, index, nearest
        )
        return Response(image, media_type=media_type(image), headers=_PRIVATE_DAY)

    @router.get("/manuals/{manual_id}/file")
    async def file(request: Request, manual_id: str) -> FileResponse:
        manual = await find(request, manual_id)
        return FileResponse(
            library.file_path(manual),
            media_type="application/pdf",
            filename=manual.file_name,
            content_disposition_type="inline",
            headers=_PRIVATE_DAY,
        )

    return router
