"""A chat user without a browser: speaks Chainlit's HTTP and socket, for benchmarks under load."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import socketio


def hello(session_id: str) -> dict[str, str]:
    """What the page says of itself when it opens its socket."""
    return {
        "sessionId": session_id,
        "threadId": "",
        "clientType": "webapp",
        "userEnv": "{}",
        "chatProfile": "",
    }


def typed(name: str, **message: str) -> dict[str, Any]:
    """What the page sends when ``name`` presses enter; ``message`` has at least its ``output``."""
    step = {
        "id": str(uuid.uuid4()),
        "threadId": "",
        "name": name,
        "type": "user_message",
        "createdAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **message,
    }
    return {"message": step, "fileReferences": []}


@dataclass
class Reply:
    """What came back for one question. Times are in seconds from sending it."""

    text: str
    first_token_s: float | None
    total_s: float
    run_id: str | None
    steps: list[dict[str, Any]] = field(default_factory=list)
    elements: list[dict[str, Any]] = field(default_factory=list)


class ChatClient:
    """One logged-in user with one chat session. Use as an async context manager."""

    def __init__(self, address: str, name: str, password: str, language: str = "de") -> None:
        self.address = address
        self.session_id = str(uuid.uuid4())
        self.thread_id = str(uuid.uuid4())
        self._account = {"username": name, "password": password}
        self._http = httpx.AsyncClient(
            base_url=address, timeout=60, headers={"Accept-Language": language}
        )
        self._socket = socketio.AsyncClient(reconnection=False)
        self._task_ended = asyncio.Event()
        self._chat_starts = False
        self._chat_started = asyncio.Event()
        self._steps: dict[str, dict[str, Any]] = {}
        self._elements: list[dict[str, Any]] = []
        self._first_token: float | None = None
        self._upload: Path | None = None

    async def __aenter__(self) -> ChatClient:
        response = await self._http.post("/login", data=self._account)
        response.raise_for_status()
        cookies = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
        for event in ("new_message", "update_message", "stream_start"):
            self._socket.on(event, self._on_step)
        self._socket.on("stream_token", self._on_token)
        self._socket.on("element", self._on_element)
        self._socket.on("task_start", self._on_task_start)
        self._socket.on("task_end", self._on_task_end)
        self._socket.on("ask", self._on_ask)
        await self._socket.connect(
            self.address,
            socketio_path="/ws/socket.io",
            headers={"Cookie": cookies, "Accept-Language": self._http.headers["Accept-Language"]},
            transports=["websocket"],
            wait_timeout=30,  # the default of a second is short for a busy machine
            auth=hello(self.session_id),
        )
        await self._socket.emit("connection_successful")
        async with asyncio.timeout(30):
            await self._chat_started.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.disconnect()
        await self._http.aclose()

    @property
    def outputs(self) -> list[str]:
        """What the steps of the question under way say now, lines of progress too."""
        return [str(step.get("output", "")) for step in self._steps.values()]

    async def ask(self, question: str, timeout_s: float = 120) -> Reply:
        """Send a question and wait for the end of its answer. Raises ``TimeoutError``."""
        return await self._send({"output": question}, timeout_s)

    async def upload(self, path: Path, timeout_s: float = 300) -> Reply:
        """Run ``/upload`` and hand over ``path`` when the app asks for the file."""
        self._upload = path
        return await self._send({"output": path.name, "command": "upload"}, timeout_s)

    async def rate(self, run_id: str, value: int, comment: str = "") -> None:
        """Thumbs up (1) or down (0) for the answer of ``run_id``."""
        feedback = {"forId": run_id, "value": value, "comment": comment}
        response = await self._http.put(
            "/feedback", json={"feedback": feedback, "sessionId": self.session_id}
        )
        response.raise_for_status()

    async def _send(self, message: dict[str, str], timeout_s: float) -> Reply:
        self._steps.clear()
        self._elements = []
        self._first_token = None
        self._task_ended.clear()
        sent = time.monotonic()
        await self._socket.emit("client_message", typed(self._account["username"], **message))
        async with asyncio.timeout(timeout_s):
            await self._task_ended.wait()
        total = time.monotonic() - sent
        answers = [s for s in self._steps.values() if s.get("type") == "assistant_message"]
        runs = [s["id"] for s in self._steps.values() if s.get("type") == "run"]
        parents = [s["parentId"] for s in answers if s.get("parentId")]
        return Reply(
            text="\n".join(str(s.get("output", "")) for s in answers),
            first_token_s=None if self._first_token is None else self._first_token - sent,
            total_s=total,
            run_id=(parents or runs or [None])[-1],
            steps=list(self._steps.values()),
            elements=self._elements,
        )

    async def _on_step(self, step: dict[str, Any]) -> None:
        self._steps[step["id"]] = step

    async def _on_element(self, element: dict[str, Any]) -> None:
        self._elements.append(element)

    async def _on_token(self, token: dict[str, Any]) -> None:
        if self._first_token is None:
            self._first_token = time.monotonic()

    async def _on_task_start(self, *_: object) -> None:
        self._chat_starts = True

    async def _on_task_end(self, *_: object) -> None:
        # The start of the chat is a task of its own; a question sent into it would end with it.
        if self._chat_starts and not self._chat_started.is_set():
            self._chat_started.set()
            return
        # The start of a session and every form in the chat end a task too: only an answer counts.
        if any(s.get("type") == "assistant_message" for s in self._steps.values()):
            self._task_ended.set()

    async def _on_ask(self, request: dict[str, Any]) -> list[dict[str, Any]] | None:
        if self._upload is None or request["spec"]["type"] != "file":
            return None
        response = await self._http.post(
            "/project/file",
            params={
                "session_id": self.session_id,
                "ask_parent_id": request["msg"]["parentId"] or "",
            },
            files={"file": (self._upload.name, self._upload.read_bytes(), "application/pdf")},
        )
        response.raise_for_status()
        return [response.json()]
