"""How fast and how well a folder of manuals is read: ``python -m evals.ingest DIR [--json OUT]``.

Each file is read by the real worker process with the limits of the settings. Prints one row a
file: pages per second, chunks, tables, OCR pages, unread pages, the worker's peak memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.ingest.formats.kinds import SUFFIXES
from rag.settings import Settings

ROOT = Path(__file__).parent.parent
_COLUMNS = (
    "file", "pages", "seconds", "pages/s", "chunks", "tables", "notices", "codes", "parts", "ocr",
    "unread", "peak MB",
)  # fmt: skip


@dataclass(frozen=True)
class FileReading:
    """One file as read; ``refused`` is the message key of a file that was not."""

    file: str
    pages: int
    seconds: float
    pages_per_second: float
    chunks: int
    tables: int
    notices: int
    fault_codes: int
    part_numbers: int
    ocr_pages: list[int]
    ocr_confidence: float | None
    unread_pages: list[int]
    hidden_text_pages: list[int]
    languages: list[str]
    peak_mb: float
    refused: str = ""


def read_file(path: Path, settings: Settings) -> FileReading:
    """Run the worker on ``path`` and wait for its end."""
    started = time.monotonic()
    lines, peak_mb = _run_worker(path, settings)
    seconds = time.monotonic() - started
    document = next((line["document"] for line in lines if "document" in line), None)
    refused = next((line["refused"]["key"] for line in lines if "refused" in line), "")
    quality: dict[str, Any] = {}
    if document is not None:
        told = document["quality"]
        quality = json.loads(told) if isinstance(told, str) else told
    elif not refused:
        refused = "error.reading_crashed"
    pages = int(quality.get("pages", 0))
    return FileReading(
        file=path.name,
        pages=pages,
        seconds=round(seconds, 2),
        pages_per_second=round(pages / seconds, 1),
        chunks=sum("chunk" in line for line in lines),
        tables=quality.get("tables", 0),
        notices=quality.get("notices", 0),
        fault_codes=quality.get("fault_codes", 0),
        part_numbers=quality.get("part_numbers", 0),
        ocr_pages=list(quality.get("ocr_pages", [])),
        ocr_confidence=quality.get("ocr_confidence"),
        unread_pages=list(quality.get("unread_pages", [])),
        hidden_text_pages=list(quality.get("hidden_text_pages", [])),
        languages=list(quality.get("languages", [])),
        peak_mb=round(peak_mb, 1),
        refused=refused,
    )


def _run_worker(path: Path, settings: Settings) -> tuple[list[dict[str, Any]], float]:
    """The worker's JSON lines and its peak resident memory in MB, Tesseract's not counted."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
    ):
        command = [
            sys.executable, "-m", "rag.ingest.worker", str(path.absolute()), path.name,
            f"{folder}/view.pdf", settings.ocr_languages, str(settings.worker_memory_mb),
            str(settings.worker_rss_mb),
            str(settings.worker_timeout_s),
        ]  # fmt: skip
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, cwd=ROOT, start_new_session=True
        ) as worker:
            peak_mb = _watch(worker)
        output.seek(0)
        lines = [json.loads(line) for line in output if line.endswith("\n")]
    return lines, peak_mb


def _watch(worker: subprocess.Popen[bytes]) -> float:
    """Wait for the end of ``worker``; its peak resident memory in MB.

    The kernel's high-water mark is read every 20 ms. What ``wait4`` reports afterwards would
    include the memory of this process, from before the worker's program was loaded.
    """
    status = Path(f"/proc/{worker.pid}/status")
    peak_kb = 0
    while worker.poll() is None:
        with contextlib.suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
            peak_kb = max(peak_kb, int(found[1]) if found else 0)
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(0.02)
    return peak_kb / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="OUT")
    arguments = parser.parse_args()
    settings = Settings()
    paths = sorted(path for path in arguments.folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise SystemExit(f"no manual in {arguments.folder}")
    print("\t".join(_COLUMNS))
    readings = []
    for path in paths:
        reading = read_file(path, settings)
        readings.append(reading)
        print(_row(reading), flush=True)
    total = {
        "files": len(readings),
        "refused": sum(bool(reading.refused) for reading in readings),
        "pages": sum(reading.pages for reading in readings),
        "seconds": round(sum(reading.seconds for reading in readings), 2),
        "chunks": sum(reading.chunks for reading in readings),
        "tables": sum(reading.tables for reading in readings),
        "ocr_pages": sum(len(reading.ocr_pages) for reading in readings),
        "unread_pages": sum(len(reading.unread_pages) for reading in readings),
        "peak_mb": max(reading.peak_mb for reading in readings),
    }
    total["pages_per_second"] = round(total["pages"] / max(total["seconds"], 0.01), 1)
    total["load"] = round(os.getloadavg()[0], 1)  # of the last minute: what else was running
    print(json.dumps(total))
    if arguments.json:
        report = {**total, "per_file": [asdict(reading) for reading in readings]}
        arguments.json.write_text(json.dumps(report, ensure_ascii=False, indent=1), "utf-8")


def _row(reading: FileReading) -> str:
    if reading.refused:
        return f"{reading.file}\trefused: {reading.refused}\t\t\t\t\t\t\t\t\t\t{reading.peak_mb}"
    values = (
        reading.file, reading.pages, reading.seconds, reading.pages_per_second, reading.chunks,
        reading.tables, reading.notices, reading.fault_codes, reading.part_numbers,
        len(reading.ocr_pages), len(reading.unread_pages), reading.peak_mb,
    )  # fmt: skip
    return "\t".join(str(value) for value in values)


if __name__ == "__main__":
    main()
