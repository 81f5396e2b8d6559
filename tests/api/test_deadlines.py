"""Callers that send slowly: they wait for themselves only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rag.api.deadlines import BodyDeadline, PatientProtocol
from rag.api.problems import Problem


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())} bytes")


APP = Starlette(routes=[Route("/", echo, methods=["GET", "POST"])])


class Impatient(PatientProtocol):
    headers_s = 0.05


class Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def serving(app: Any, protocol: type[PatientProtocol]) -> AsyncIterator[int]:
    """A real server on a port of its own, until the block ends."""
    config = uvicorn.Config(app, port=0, http=protocol, log_level="error", lifespan="off")
    server = Server(config)
    running = asyncio.create_task(server.serve())
    await server.listens.wait()
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


async def answer(port: int, *pieces: bytes) -> bytes:
    """All that comes back until the server closes the connection. After a piece that ends a
    request its answer is awaited."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        if piece.startswith(b"GET") and piece.endswith(b"\r\n\r\n"):
            received += await reader.readuntil(b"0 bytes")
    received += await reader.read()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return received


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"GET / HT"],
        [b"GET / HTTP/1.1\r\nHost: here\r\nX-Slow: "],
        # A first request that is complete, a second one that is not.
        [b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", b"GET / HTTP/1.1\r\nX-Slow: "],
    ],
)
async def test_headers_that_do_not_come(pieces: list[bytes]) -> None:
    async with serving(APP, Impatient) as port:
        received = await answer(port, *pieces)
    assert received.count(b"HTTP/1.1 200") == b"".join(pieces).count(b"\r\n\r\n")


async def test_whoever_sends_all_is_answered() -> None:
    request = b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 5\r\n\r\n"
    async with serving(BodyDeadline(APP), PatientProtocol) as port:
        received = await answer(port, request[:20], request[20:], b"12", b"345")
    assert received.endswith(b"5 bytes")


async def test_a_body_that_does_not_come() -> None:
    request = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\n12"
    async with serving(BodyDeadline(APP, grace_s=0.05), PatientProtocol) as port:
        received = await answer(port, request)
    assert received.startswith(b"HTTP/1.1 408 ")


async def test_the_time_that_we_take_does_not_count() -> None:
    arrived = asyncio.Event()
    got: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        got.append(len(message["body"]))
        await asyncio.sleep(0.05)  # longer than the limit: we take our time
        arrived.set()
        got.append(len((await receive())["body"]))

    async def body() -> dict[str, Any]:
        if not got:
            return {"type": "http.request", "body": b"x" * 1000, "more_body": True}
        await arrived.wait()
        return {"type": "http.request", "body": b"x", "more_body": False}

    guard = BodyDeadline(app, grace_s=0.02, bytes_a_second=1e9)
    await guard({"type": "http", "headers": []}, body, None)  # type: ignore[arg-type]
    assert got == [1000, 1]


async def test_more_bytes_earn_more_time() -> None:
    """No time at all is given here but what the bytes earn."""
    pieces = [b"x" * 1000, b"x"]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()

    async def body() -> dict[str, Any]:
        if len(pieces) == 1:
            await asyncio.sleep(0.05)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    scope = {"type": "http", "headers": []}
    await BodyDeadline(app, 0.02, bytes_a_second=1.0)(scope, body, None)  # type: ignore[arg-type]
    pieces += [b"x" * 1000, b"x"]
    with pytest.raises(Problem):
        await BodyDeadline(app, 0.02, bytes_a_second=1e9)(scope, body, None)  # type: ignore[arg-type]


async def test_waiting_for_the_end_of_the_connection_has_no_limit() -> None:
    gone = asyncio.Event()
    messages = [{"type": "http.request", "body": b"", "more_body": False}]
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["type"])
        waiting = asyncio.create_task(receive())
        await asyncio.sleep(0.05)  # longer than the limit
        assert not waiting.done()
        gone.set()
        seen.append((await waiting)["type"])

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    guard = BodyDeadline(app, grace_s=0.01)
    await guard({"type": "http", "headers": []}, receive, None)  # type: ignore[arg-type]
    assert seen == ["http.request", "http.disconnect"]
