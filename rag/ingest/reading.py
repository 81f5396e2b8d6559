"""Have a file read by the capped worker process, and take what it hands back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rag
from rag.errors import BadFile
from rag.ingest.formats.kinds import view_path
from rag.settings import Settings
from rag.store.rows import chunk_from_row, page_from_row, quality_from_json
from rag.types import Chunk, Language, Look, Page, Quality

_log = logging.getLogger(__name__)

# A page of text is some 3 kB, a full one of a parts list 20 kB; what is beyond this is an attack.
_LONGEST_LINE_BYTES = 8 * 1024 * 1024
_MOST_BYTES = 256 * 1024 * 1024
_STDERR_KEPT_BYTES = 8 * 1024
LOOK_S = 6.0
"""How long somebody waits for suggestions before the form comes without them."""
# The worker reads foreign bytes: it is given no secret from the environment.
_ENVIRONMENT = (
    "PATH HOME LANG LC_ALL LC_CTYPE TMPDIR TESSDATA_PREFIX PYTHONPATH LD_LIBRARY_PATH "
    "VIRTUAL_ENV MALLOC_ARENA_MAX LD_PRELOAD".split()
)

OnPage = Callable[[int, int], Awaitable[None]]


@dataclass(slots=True)
class Reading:
    """A document as the worker read it; what it could not tell of itself is empty."""

    pages: list[Page] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    title: str = ""
    machine: str = ""
    type: str = ""
    revision: str = ""
    language: Language = "de"
    quality: Quality = field(default_factory=Quality)


async def read_in_worker(
    path: Path, *, file_name: str, settings: Settings, on_page: OnPage
) -> Reading:
    """Read ``path``. Whatever the file does, this process lives on.

    Raises ``BadFile``: the reader's own refusal, or ``error.reading_timeout``,
    ``error.reading_memory``, ``error.reading_crashed``, ``error.reading_too_much``. Cancelling
    kills the worker and its children.
    """
    worker = await _start(path, file_name, settings)
    stderr = asyncio.create_task(_tail(worker))
    try:
        async with asyncio.timeout(settings.worker_timeout_s):
            reading = await _receive(worker, on_page)
            code = await worker.wait()
    except TimeoutError as error:
        raise BadFile("error.reading_timeout", minutes=_minutes(settings)) from error
    finally:
        _kill(worker)
        await asyncio.shield(worker.wait())
        said = await stderr
        if said:
            _log.info("the reader of %s said: %s", file_name, said)
    if reading is None:
        _log.warning("the reader of %s ended with %s", file_name, code)
        raise _why(code, settings)
    return reading


async def look_in_worker(path: Path, *, file_name: str, settings: Settings) -> Look | None:
    """What the first pages of ``path`` say of it; ``None`` when that took too long or failed.

    Raises ``BadFile`` when the file is refused.
    """
    quick = settings.model_copy(update={"worker_timeout_s": LOOK_S})
    worker = await _start(path, file_name, quick, "look")
    stderr = asyncio.create_task(_tail(worker))
    try:
        async with asyncio.timeout(LOOK_S):
            assert worker.stdout is not None  # noqa: S101 (opened as a pipe)
            line = await worker.stdout.readline()
    except (TimeoutError, ValueError):
        _log.info("the look at %s was given up", file_name)
        return None
    finally:
        _kill(worker)
        await asyncio.shield(worker.wait())
        if said := await stderr:
            _log.info("the look at %s said: %s", file_name, said)
    match json.loads(line) if line.endswith(b"\n") else {}:
        case {"look": row}:
            return Look(**row)
        case {"refused": {"key": key, "values": values}}:
            raise BadFile(key, **values)
    return None


def _why(code: int, settings: Settings) -> BadFile:
    """What an end without a result means; SIGKILL was not ours, so it was the kernel's."""
    limit = str(settings.worker_memory_mb)
    if code == -signal.SIGKILL:
        return BadFile("error.reading_memory", limit=limit)
    if code == -signal.SIGXCPU:
        return BadFile("error.reading_timeout", minutes=_minutes(settings))
    # pdfium aborts when memory is refused to it, so a crash may mean either.
    return BadFile("error.reading_crashed", limit=limit)


def _minutes(settings: Settings) -> str:
    return f"{settings.worker_timeout_s / 60:.2g}"


async def _start(path: Path, file_name: str, settings: Settings, *tasks: str) -> Process:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    absolute = os.path.abspath(path)  # noqa: ASYNC240, PTH100 (asks the disk nothing)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "rag.ingest.worker",
        absolute,
        file_name,
        str(view_path(Path(absolute))),
        settings.ocr_languages,
        str(settings.worker_memory_mb),
        str(settings.worker_rss_mb),
        str(settings.worker_timeout_s),
        *tasks,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=_LONGEST_LINE_BYTES,
        cwd=Path(rag.__file__).parent.parent,
        env={**environment, "PYTHONUTF8": "1", "OMP_THREAD_LIMIT": "1"},
        start_new_session=True,
    )


async def _receive(worker: Process, on_page: OnPage) -> Reading | None:
    """What the worker writes, to the end; ``None`` when it ended before it was done."""
    assert worker.stdout is not None  # noqa: S101 (opened as a pipe)
    reading = Reading()
    received = 0
    is_complete = False
    while True:
        try:
            line = await worker.stdout.readline()
        except ValueError as error:
            raise BadFile("error.reading_too_much") from error
        received += len(line)
        if received > _MOST_BYTES:
            raise BadFile("error.reading_too_much")
        if not line.endswith(b"\n"):
            return reading if is_complete else None
        is_complete = await _take(json.loads(line), reading, on_page) or is_complete


async def _take(line: dict[str, Any], reading: Reading, on_page: OnPage) -> bool:
    """Add one line to ``reading``; True for the last one."""
    match line:
        case {"progress": [done, total]}:
            await on_page(done, total)
        case {"page": row}:
            reading.pages.append(page_from_row(row))
        case {"chunk": row}:
            reading.chunks.append(chunk_from_row(row, tuple(row["codes"])))
        case {"refused": {"key": key, "values": values}}:
            raise BadFile(key, **values)
        case {"document": document}:
            reading.quality = quality_from_json(document.pop("quality"))
            for name, value in document.items():
                setattr(reading, name, value)
            return True
    return False


async def _tail(worker: Process) -> str:
    """The end of what the worker wrote to stderr."""
    assert worker.stderr is not None  # noqa: S101 (opened as a pipe)
    kept = b""
    while piece := await worker.stderr.read(4096):
        kept = (kept + piece)[-_STDERR_KEPT_BYTES:]
    return kept.decode(errors="replace").strip()


def _kill(worker: Process) -> None:
    """End the worker and whatever it started; nothing happens when all have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, signal.SIGKILL)
