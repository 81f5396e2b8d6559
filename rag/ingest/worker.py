"""The process that reads one file: capped in memory and time, away from the chat.

``python -m rag.ingest.worker FILE FILE_NAME VIEW OCR_LANGUAGES MEMORY_MB RSS_MB TIMEOUT_S [look]``
writes JSON lines to stdout: any number of ``{"progress": [page, pages]}``, then ``{"page": …}`` and
``{"chunk": …}`` rows, then one ``{"document": …}``; with "look" (at the first pages) only one
``{"look": …}``; or one ``{"refused": {"key": …, "values": …}}``. The process ends with its whole
group when its stdin closes, that is, when whoever started it is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

_WATCH_S = 0.03
_writing = threading.Lock()
# Kept back from the limit's message: enough to report that memory ran out.
_RESERVE_BYTES = 4 * 1024 * 1024
_LARGEST_FILE_BYTES = 512 * 1024 * 1024  # of a view copy or of what is put aside while reading


def main(arguments: list[str]) -> int:
    """Read one file and report; 0 when a document or a refusal was written."""
    path, file_name, view, ocr_languages, memory_mb, resident_mb, timeout_s, *tasks = arguments
    lines = _claim_stdout()
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    threading.Thread(target=_watch, args=(int(resident_mb), lines), daemon=True).start()
    _limit(int(memory_mb) * 1024 * 1024, int(float(timeout_s)) + 1)
    reserve = bytearray(_RESERVE_BYTES)
    try:
        if tasks == ["look"]:
            _look(Path(path), file_name, lines)
        else:
            _read(Path(path), file_name, Path(view), ocr_languages, lines)
    except MemoryError:
        del reserve
        _refuse_for_memory(lines, memory_mb)
    return 0


def _read(path: Path, file_name: str, view: Path, ocr_languages: str, lines: TextIO) -> None:
    # Imported under the limits, and only here: what parses foreign bytes stays in this process.
    from rag.errors import BadFile
    from rag.ingest.document import read_into
    from rag.store.rows import chunk_to_row, page_to_row, quality_to_json

    def on_page(done: int, total: int) -> None:
        _write(lines, progress=[done, total])

    try:
        read = read_into(
            path,
            lambda page: _write(lines, page=page_to_row(page)),
            lambda chunk: _write(lines, chunk={**chunk_to_row(chunk), "codes": chunk.codes}),
            file_name=file_name,
            ocr_languages=ocr_languages,
            on_page=on_page,
            view=view,
        )
    except BadFile as error:
        _write(lines, refused={"key": error.key, "values": error.values})
        return
    document = {
        "title": read.title,
        "machine": read.machine,
        "type": read.type,
        "revision": read.revision,
        "language": read.language,
        "quality": quality_to_json(read.quality),
    }
    _write(lines, document=document)


def _look(path: Path, file_name: str, lines: TextIO) -> None:
    from dataclasses import asdict

    from rag.errors import BadFile
    from rag.ingest.look import look_at

    try:
        _write(lines, look=asdict(look_at(path, file_name)))
    except BadFile as error:
        _write(lines, refused={"key": error.key, "values": error.values})


def _write(lines: TextIO, **line: Any) -> None:
    text = json.dumps(line, ensure_ascii=False) + "\n"
    with _writing:
        lines.write(text)
        lines.flush()


def _refuse_for_memory(lines: TextIO, limit_mb: int | str) -> None:
    _write(lines, refused={"key": "error.reading_memory", "values": {"limit": str(limit_mb)}})


def _watch(limit_mb: int, lines: TextIO) -> None:
    """End the process with the reason when what it holds in memory goes beyond the limit.

    A bomb fills the address space within a second, inside pdfium, which then aborts without a
    word; long before that it is stopped here. C code runs without Python's lock.
    """
    page_mb = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
    while True:
        time.sleep(_WATCH_S)
        resident_mb = int(Path("/proc/self/statm").read_text().split()[1]) * page_mb
        if resident_mb > limit_mb:
            _refuse_for_memory(lines, limit_mb)
            os._exit(0)


def _claim_stdout() -> TextIO:
    """Keep stdout for the protocol: what a library prints goes to stderr."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass")
    os.dup2(2, 1)
    return lines


def _limit(memory_bytes: int, cpu_s: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE_BYTES, _LARGEST_FILE_BYTES))
    os.nice(10)  # the chat comes first
    # When the machine runs out of memory it is this process that goes, not the chat.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _end_with_the_parent() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
