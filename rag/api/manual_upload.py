"""Takes an admin's file straight to disk: counted while it comes in, its name made harmless."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from rag.api.guards import DRAIN, MEGABYTE
from rag.errors import BadFile, RagError, StoreDown
from rag.ingest.manual import NO_ROOM
from rag.store.revisions import day_of

NAME_LETTERS = 150
FIELD_LETTERS = 120
_UNNAMED = "manual.pdf"
# What no file system takes, and what would be markup or a path somewhere else.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')


async def take_in(body: AsyncIterator[bytes], folder: Path, limit_mb: int) -> Path:
    """Write ``body`` to a new file of ``folder``. Raises ``BadFile`` when it is too large or ends
    too soon, ``StoreDown`` when the disk is full; then nothing is left of it.

    What is over the limit is read on and forgotten: a browser shows the answer only when it could
    send all.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    path = folder / f"arriving-{uuid4().hex}"
    limit = limit_mb * MEGABYTE
    received = 0
    try:
        file = await asyncio.to_thread(path.open, "wb")
        try:
            async for piece in body:
                received += len(piece)
                if received > limit * DRAIN:
                    break
                if received <= limit and piece:
                    await asyncio.to_thread(file.write, piece)
        finally:
            await asyncio.to_thread(file.close)
        if received > limit:
            raise BadFile("error.upload_too_large", limit=str(limit_mb))
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise StoreDown("error.disk_full", retryable=True) from error
        raise
    return path


def safe_name(name: str) -> str:
    """The last part of ``name`` without control characters, at most ``NAME_LETTERS`` letters with
    its suffix kept."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = clean_field(_FORBIDDEN.sub(" ", last), letters=10 * NAME_LETTERS).strip(" .")
    stem, suffix = Path(plain).stem, Path(plain).suffix[:10]
    if not stem:
        return _UNNAMED
    return f"{stem[: NAME_LETTERS - len(suffix)].strip()}{suffix}"


def checked_day(text: str) -> str:
    """An ISO date or "". Raises ``RagError("error.date_wrong")``."""
    day = clean_field(text)
    if day and not day_of(day):
        raise RagError("error.date_wrong", date=day[:40])
    return day


def clean_field(text: str, letters: int = FIELD_LETTERS) -> str:
    """One line of what an admin typed: printable, single spaces, at most ``letters`` letters."""
    printable = "".join(
        " " if unicodedata.category(letter).startswith(("C", "Z")) else letter
        for letter in unicodedata.normalize("NFC", text)
    )
    return " ".join(printable.split())[:letters].strip()
