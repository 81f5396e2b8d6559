"""The real service as a process, for tests that talk to it through its door."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rag.settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
SAMPLES = PROJECT / "evals" / "samples"
NOBODY_LISTENS = "http://127.0.0.1:9"  # the discard port: refused at once


@dataclass
class Service:
    """A running Millwright; ``lines`` are the last ones it wrote."""

    process: subprocess.Popen[str]
    data_dir: Path
    address: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=500))


@contextmanager
def served(
    data_dir: Path,
    *,
    port: int = 0,
    passwords: Mapping[str, str] | None = None,
    **settings: str,
) -> Iterator[Service]:
    """``python -m rag.start`` until the block ends. Raises ``RuntimeError`` when it does not start.

    ``settings`` are environment variables; by default no Ollama is there, search is by words,
    and nobody asks too often.
    """
    of_the_machine = {"LANG", *(name.upper() for name in Settings.model_fields)}
    environment = {name: value for name, value in os.environ.items() if name not in of_the_machine}
    environment |= {
        "DATA_DIR": str(data_dir),
        "EMBEDDING_MODEL": "none",
        "RERANKER_MODEL": "none",
        "OLLAMA_BASE_URL": NOBODY_LISTENS,
        "QUESTIONS_PER_MINUTE": "0",  # tests ask and send faster than people
        "UPLOADS_PER_MINUTE": "0",
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "rag.start", "--port", str(port)],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    service = Service(process, data_dir, passwords=dict(passwords or {}))
    reader = None
    try:
        _wait_until_up(service)
        # Somebody must go on reading, or the service would hang on a full pipe.
        reader = threading.Thread(target=_read_on, args=(service,))
        reader.start()
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()
            if reader is not None:
                reader.join()
            if process.stdout is not None:
                process.stdout.close()


def _wait_until_up(service: Service) -> None:
    assert service.process.stdout is not None
    for line in service.process.stdout:
        service.lines.append(line.rstrip())
        if account := re.match(r"  (\S+) +(\S+) +\((\w+)\)$", line):
            service.passwords[account[1]] = account[2]
        if address := re.search(r"is up: (http://\S+)", line):
            service.address = address[1]
            return
    raise RuntimeError("the service did not start:\n" + "\n".join(service.lines))


def _read_on(service: Service) -> None:
    assert service.process.stdout is not None
    for line in service.process.stdout:
        service.lines.append(line.rstrip())


def copy_data(prepared: Path, target: Path) -> Path:
    """A data folder of one's own, with the sample manuals and accounts of a stopped service."""
    return Path(shutil.copytree(prepared, target))
