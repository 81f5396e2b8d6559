"""An Ollama server for tests: real HTTP, scripted answers, no model.

It keeps to what Ollama's server does: newline-delimited JSON, nanoseconds, the silent cut of a
prompt that does not fit ``num_ctx``, 404 and 503, errors and drops in mid-stream, and it notices
when the client goes away. In a test::

    with OllamaStandIn() as ollama:
        ollama.enqueue("The pressure is 8 bar [1].", Failure("drop", after=3))
        ...
        assert ollama.history[0].options["num_ctx"] == 2048

As a process: ``python -m tests.stand_in.ollama --port 11434 [--script FILE.json]``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.stand_in.http import Connection, HttpServer
from tests.stand_in.payloads import BUSY, digest_of, full_name, line_of, tag_of
from tests.stand_in.script import (
    Answer,
    Failure,
    Reply,
    Request,
    Script,
    fill_window,
    quote_first_passage,
    read_scripts,
    tokens_of,
)

__all__ = ["Failure", "OllamaStandIn", "Reply", "Request", "Script", "quote_first_passage"]

# What the server assumes when a request names no window and the GPU is small.
DEFAULT_NUM_CTX = 4096
_STATUS = {"missing": 404, "busy": 503}


class OllamaStandIn(HttpServer):
    """``answer`` is asked when the queue is empty. ``history`` holds the chat requests in order.

    ``parallel`` requests are served at once; ``max_queue`` more may wait, then 503.
    """

    def __init__(
        self,
        *,
        models: Sequence[str] = ("mistral:latest",),
        answer: Answer = quote_first_passage,
        port: int = 0,
        parallel: int = 64,
        max_queue: int = 512,
        pause_s: float = 0.0,
        cache_prefix: bool = False,
        halves: bool = False,
    ) -> None:
        super().__init__(port)
        self.models = [full_name(model) for model in models]
        self.answer = answer
        self.history: list[Request] = []
        self.version = ""  # of the models: another one has another digest
        self.pull_error: str | None = None
        self.pull_gate: threading.Event | None = None
        self.pulled: list[str] = []
        self._arrived = threading.Condition()
        self._queue: deque[Script] = deque()
        self._parallel = parallel
        self._max_queue = max_queue
        self._pause_s = pause_s
        self._cache_prefix = cache_prefix
        self._halves = halves
        self._last_prompt = ""
        self._pending = 0
        self._slots: asyncio.Semaphore | None = None

    def enqueue(self, *scripts: Script) -> Self:
        """Answers (or failures) for the next chat requests, in their order."""
        self._queue.extend(scripts)
        return self

    def wait_for_request(self, number: int = 1, timeout_s: float = 10.0) -> Request:
        """The ``number``-th chat request (from 1), as soon as it is there."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.history) >= number, timeout_s):
                raise TimeoutError(f"only {len(self.history)} of {number} requests came")
        return self.history[number - 1]

    async def respond(self, connection: Connection, method: str, path: str, body: bytes) -> None:
        try:
            fields = json.loads(body) if body else {}
        except ValueError:
            await connection.send_json(400, {"error": "invalid character in request"})
            return
        match method, path:
            case "GET" | "HEAD", "/":
                await connection.send(200, "text/plain; charset=utf-8", b"Ollama is running")
            case "GET", "/api/version":
                await connection.send_json(200, {"version": "0.12.6"})
            case "GET", "/api/tags":
                await connection.send_json(
                    200, {"models": [tag_of(one, self.version) for one in self.models]}
                )
            case "POST", "/api/show":
                await self._show(connection, fields)
            case "POST", "/api/pull":
                await self._pull(connection, fields)
            case "POST", "/api/chat":
                await self._chat(connection, fields)
            case _:
                await connection.send(404, "text/plain", b"404 page not found")

    async def _show(self, connection: Connection, fields: dict[str, Any]) -> None:
        if not await self._has(connection, str(fields.get("model", ""))):
            return
        await connection.send_json(
            200,
            {
                "details": tag_of("")["details"],
                "model_info": {"general.architecture": "llama", "llama.context_length": 32768},
                "parameters": 'stop "[INST]"\nstop "[/INST]"',
                "template": "[INST] {{ .System }} {{ .Prompt }} [/INST]",
            },
        )

    async def _has(self, connection: Connection, model: str) -> bool:
        if full_name(model) in self.models:
            return True
        await connection.send_json(404, {"error": f"model '{model}' not found"})
        return False

    async def _pull(self, connection: Connection, fields: dict[str, Any]) -> None:
        name = full_name(str(fields.get("model") or fields.get("name") or ""))
        digest = f"sha256:{digest_of(name)}"
        part = f"pulling {digest[7:19]}"
        total = 4_113_301_824
        lines: list[dict[str, Any]] = [{"status": "pulling manifest"}]
        lines += [
            {"status": part, "digest": digest, "total": total, "completed": total * step // 10}
            for step in range(11)
        ]
        if self.pull_error:
            lines = [*lines[:4], {"error": self.pull_error}]
        else:
            lines += [
                {"status": each}
                for each in ("verifying sha256 digest", "writing manifest", "success")
            ]
        await connection.start_stream(200, "application/x-ndjson")
        for place, line in enumerate(lines):
            if place == 2 and self.pull_gate:
                await _opened(self.pull_gate)
            if line.get("status") == "success":
                self.models.append(name)
                self.pulled.append(name)
            await connection.send_line(line)
        await connection.end_stream()

    async def _chat(self, connection: Connection, fields: dict[str, Any]) -> None:
        if not await self._has(connection, str(fields.get("model", ""))):
            return
        request = Request(fields)
        num_ctx = int(request.options.get("num_ctx") or DEFAULT_NUM_CTX)
        cut = fill_window(request, num_ctx, halved=self._halves)
        with self._arrived:
            self.history.append(request)
            self._arrived.notify_all()
        if cut and fields.get("truncate") is False:
            await connection.send_json(
                400, {"error": "the input length exceeds the context length"}
            )
            return
        if self._pending >= self._parallel + self._max_queue:
            await connection.send_json(503, {"error": BUSY})
            return
        self._pending += 1
        self._slots = self._slots or asyncio.Semaphore(self._parallel)
        try:
            async with self._slots:
                script = self._queue.popleft() if self._queue else self.answer(request)
                await self._tell(connection, request, script)
        except (asyncio.CancelledError, ConnectionError):
            request.cancelled.set()
            raise
        finally:
            self._pending -= 1
            request.finished.set()

    async def _tell(self, connection: Connection, request: Request, script: Script) -> None:
        """Send what the script says, token by token when the client asked for a stream."""
        failure = script if isinstance(script, Failure) else None
        reply = script if isinstance(script, Reply) else Reply(failure.text if failure else script)  # type: ignore[arg-type]
        if failure and failure.kind in ("missing", "busy", "status"):
            model = request.body["model"]
            message = {"missing": f"model '{model}' not found", "busy": BUSY}.get(
                failure.kind, failure.message
            )
            await connection.send_json(
                _STATUS.get(failure.kind, failure.status), {"error": message}
            )
            return
        tokens = tokens_of(reply.text) if isinstance(reply.text, str) else list(reply.text)
        limit = int(request.options.get("num_predict") or -1)
        reason = reply.done_reason or "stop"
        if 0 < limit < len(tokens):
            tokens, reason = tokens[:limit], "length"
        started = time.monotonic_ns()
        await asyncio.sleep(reply.load_s)
        streamed = request.body.get("stream", True)
        if streamed:
            await connection.start_stream(200, "application/x-ndjson")
        request.started.set()
        for place, token in enumerate(tokens):
            if failure and place >= failure.after:
                break
            if reply.gate and place == reply.gate_after:
                await _opened(reply.gate)
            if reply.pause_s or self._pause_s:
                await asyncio.sleep(reply.pause_s or self._pause_s)
            if streamed:
                await connection.send_line(line_of(request, token, done=False))
            request.sent.append(token)
        if failure:
            await _fail(connection, failure)
            return
        content = "" if streamed else "".join(tokens)
        last = line_of(request, content, done=True) | {
            "done_reason": reason,
            "total_duration": time.monotonic_ns() - started + 1_000_000,
            "load_duration": int(reply.load_s * 1e9) + 1_000_000,
            "prompt_eval_count": self._evaluated(request),
            "prompt_eval_duration": request.prompt_tokens * 500_000,
            "eval_count": len(tokens),
            "eval_duration": time.monotonic_ns() - started,
        }
        if streamed:
            await connection.send_line(last)
            await connection.end_stream()
        else:
            await connection.send_json(200, last)

    def _evaluated(self, request: Request) -> int:
        """Tokens of the prompt that had to be read: fewer when its beginning was cached."""
        if not self._cache_prefix:
            return request.prompt_tokens
        prompt, last = request.prompt, self._last_prompt
        self._last_prompt = prompt
        same = next(
            (place for place, (a, b) in enumerate(zip(prompt, last, strict=False)) if a != b),
            min(len(prompt), len(last)),
        )
        return max(1, request.prompt_tokens - len(tokens_of(prompt[:same])))


async def _fail(connection: Connection, failure: Failure) -> None:
    match failure.kind:
        case "drop":
            connection.drop()
        case "error":
            await connection.send_line({"error": failure.message})
            await connection.end_stream()
        case "garbage":
            await connection.send_raw(b"<html>502 Bad Gateway</html>\n")
            await connection.end_stream()
        case "silent":
            await asyncio.Event().wait()  # until the client goes away
        case _:
            await connection.end_stream()


async def _opened(gate: threading.Event) -> None:
    """Wait for an event that another thread sets; a thread of our own could never be cancelled."""
    while not gate.is_set():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.stand_in.ollama")
    parser.add_argument("--port", type=int, default=11434)
    parser.add_argument("--script", type=Path, help="JSON list of answers for the first requests")
    parser.add_argument("--model", action="append", help="a model it has (default: mistral)")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between tokens")
    arguments = parser.parse_args()
    stand_in = OllamaStandIn(
        port=arguments.port, models=arguments.model or ["mistral"], pause_s=arguments.pause
    )
    if arguments.script:
        stand_in.enqueue(*read_scripts(arguments.script))
    with stand_in:
        print(f"stand-in Ollama on {stand_in.url}", flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
