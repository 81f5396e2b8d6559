"""A small HTTP/1.1 server in a thread, that notices at once when a client goes away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import Any, Self

_REASONS = {200: "OK", 206: "Partial Content", 400: "Bad Request", 404: "Not Found"}


class Connection:
    """One client's connection; a response is either sent whole or streamed in chunks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.headers: dict[str, str] = {}
        self.without_body = False
        self._writer = writer

    async def send(
        self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self._head(status, kind, {"Content-Length": str(len(body)), **(headers or {})})
        if not self.without_body:
            self._writer.write(body)
        await self._writer.drain()

    async def send_part(
        self, status: int, body: bytes, promised: int, headers: dict[str, str]
    ) -> None:
        """Send ``body`` but promise ``promised`` bytes; the caller then breaks the connection."""
        kind = "application/octet-stream"
        self._head(status, kind, {"Content-Length": str(promised), **headers})
        self._writer.write(body)
        await self._writer.drain()

    async def send_json(self, status: int, fields: dict[str, Any]) -> None:
        await self.send(status, "application/json; charset=utf-8", json.dumps(fields).encode())

    async def start_stream(self, status: int, kind: str) -> None:
        self._head(status, kind, {"Transfer-Encoding": "chunked"})
        await self._writer.drain()

    async def send_line(self, fields: dict[str, Any]) -> None:
        await self.send_raw(json.dumps(fields, ensure_ascii=False).encode() + b"\n")

    async def send_raw(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writer.drain()

    async def end_stream(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def drop(self) -> None:
        """Break the connection, as a killed server does."""
        self._writer.transport.abort()

    def _head(self, status: int, kind: str, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}", f"Content-Type: {kind}"]
        # Kept connections would outlive the event loop of the test that opened them.
        lines.append("Connection: close")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())


class HttpServer:
    """Runs while its ``with`` block does, on ``port`` (0: a free one, kept over a restart).

    Subclasses answer in ``respond``, which is cancelled when the client closes the connection.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def respond(self, connection: Connection, method: str, path: str, body: bytes) -> None:
        raise NotImplementedError

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError(f"{type(self).__name__} did not start")

    def stop(self) -> None:
        """Stop as a killed process does: open connections break, new ones are refused."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10)
            self._loop = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._exchange(Connection(reader, writer))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except asyncio.CancelledError:
            pass  # the server stops; nothing is left to be told
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _exchange(self, connection: Connection) -> None:
        """Read one request and answer it, for as long as the client is there."""
        head = (await connection.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        pairs = (line.split(":", 1) for line in head[1:] if ":" in line)
        connection.headers = {name.strip().lower(): value.strip() for name, value in pairs}
        connection.without_body = method == "HEAD"
        body = await connection.reader.readexactly(int(connection.headers.get("content-length", 0)))
        response = asyncio.create_task(self.respond(connection, method, path, body))
        # Clients do not pipeline: anything readable while we answer is the end of the connection.
        gone = asyncio.create_task(connection.reader.read(1))
        try:
            await asyncio.wait({response, gone}, return_when=asyncio.FIRST_COMPLETED)
            if response.done():
                await response
        finally:
            for task in (response, gone):
                task.cancel()
            await asyncio.gather(response, gone, return_exceptions=True)
