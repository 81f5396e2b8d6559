"""The real app as a process that can be killed, and what a script needs to talk to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from rag.access.api_keys import ApiKeys, ApiScope
from rag.settings import Settings
from rag.store.database import open_database

PROJECT = Path(__file__).resolve().parents[2]
API = "/api/v1"
_START_S = 400  # reading the samples on a busy machine


@dataclass
class App:
    """``python -m rag.start`` on ``data_dir``. ``settings`` are environment variables."""

    data_dir: Path
    settings: dict[str, str]
    process: subprocess.Popen[str] | None = None
    address: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    key: str = ""
    started_at: float = 0.0
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=2000))

    def start(self) -> Self:
        """Until it says that it is up. Raises ``RuntimeError`` when it does not."""
        ours = {"LANG", *(name.upper() for name in Settings.model_fields)}
        environment = {name: value for name, value in os.environ.items() if name not in ours}
        environment |= {
            "DATA_DIR": str(self.data_dir),
            "MODELS_DIR": str(Settings().models_dir),
            "RERANKER_MODEL": "none",
            "QUESTIONS_PER_MINUTE": "0",
            "UPLOADS_PER_MINUTE": "0",
            **self.settings,
        }
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rag.start", "--port", "0"],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        up = threading.Event()
        threading.Thread(target=self._read, args=(self.process, up), daemon=True).start()
        if not up.wait(_START_S) or self.process.poll() is not None:
            self.process.kill()
            raise RuntimeError("the app did not start:\n" + "\n".join(self.lines))
        if not self.key:
            self.key = self.another_key()
        return self

    def kill(self) -> None:
        """As a power cut does, but for the disk's own cache."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """As an operator does; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def cpu_seconds(self) -> float:
        """Processor time since the start: what a start costs whatever else the machine does."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def client(self, key: str = "") -> httpx.AsyncClient:
        headers = {"X-API-Key": key or self.key, "Accept-Language": "en"}
        return httpx.AsyncClient(base_url=self.address + API, headers=headers, timeout=60)

    @asynccontextmanager
    async def log_in(self, name: str) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody's browser."""
        account = {"username": name, "password": self.passwords[name]}
        origin = {"Origin": self.address}
        async with httpx.AsyncClient(base_url=self.address, headers=origin, timeout=60) as client:
            (await client.post("/login", data=account)).raise_for_status()
            yield client

    async def ask(self, question: str, *, key: str = "") -> tuple[httpx.Response, float]:
        """The answer to a question and the seconds it took."""
        begun = time.monotonic()
        async with self.client(key) as client:
            response = await client.post("/query", json={"question": question})
        return response, time.monotonic() - begun

    async def upload(self, name: str, content: bytes, **fields: str) -> httpx.Response:
        files = {"file": (name, content, "application/pdf")}
        async with self.client() as client:
            return await client.post("/manuals", files=files, data=fields)

    async def job(self, job_id: str) -> dict[str, Any]:
        async with self.client() as client:
            found: dict[str, Any] = (await client.get(f"/jobs/{job_id}")).json()
            return found

    def another_key(self) -> str:
        """Its limits are its own."""
        engine = open_database(Settings(data_dir=self.data_dir))
        scopes = (ApiScope.ASK, ApiScope.UPLOAD, ApiScope.FEEDBACK)
        _, key = ApiKeys(engine).create("chaos", scopes, created_by="chaos")
        engine.dispose()
        return key

    def _read(self, process: subprocess.Popen[str], up: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip())
            if account := re.match(r"  (\S+) +(\S+) +\((\w+)\)$", line):
                self.passwords[account[1]] = account[2]
            if address := re.search(r"is up: (http://\S+)", line):
                self.address = address[1]
                up.set()
        up.set()
