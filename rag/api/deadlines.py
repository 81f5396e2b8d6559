"""Time limits for callers that send slowly: headers by the protocol, bodies by a guard.

Without them a few thousand connections that send a byte now and then keep everybody else out
(slowloris).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import h11
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from rag.api.caller import request_language
from rag.api.problems import Problem

HEADERS_S = 15.0
BODY_S = 20.0
BYTES_A_SECOND = 8 * 1024  # a 50 MB manual may take 100 minutes, a question 20 s


class BodyDeadline:
    """408 for a body that comes more slowly than ``BODY_S`` and its size allow. Only waiting for
    the caller counts, not the time that we take ourselves."""

    def __init__(
        self, app: ASGIApp, grace_s: float = BODY_S, bytes_a_second: float = BYTES_A_SECOND
    ) -> None:
        self.app = app
        self._grace_s = grace_s
        self._bytes_a_second = bytes_a_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        waited = 0.0
        received = 0
        complete = False

        async def receive_in_time() -> Message:
            nonlocal waited, received, complete
            if complete:  # what comes now is that the caller has gone
                return await receive()
            began = time.monotonic()
            left = self._grace_s + received / self._bytes_a_second - waited
            try:
                async with asyncio.timeout(left):
                    message = await receive()
            except TimeoutError:
                complete = True
                language = request_language(Headers(scope=scope))
                close = {"Connection": "close"}
                raise Problem(408, "error.too_slow", language, headers=close) from None
            waited += time.monotonic() - began
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            return message

        await self.app(scope, receive_in_time, send)


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, but a connection must send its request's headers within ``HEADERS_S``.

    uvicorn limits only how long a connection may be idle after an answer.
    """

    headers_s = HEADERS_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_between_requests() and self.conn.trailing_data[0]:
            self._await_headers()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _is_between_requests(self) -> bool:
        return self.conn.their_state is h11.IDLE

    def _await_headers(self) -> None:
        """From the first byte on: more bytes do not give more time."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.headers_s, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self._is_between_requests() and not self.transport.is_closing():
            self.transport.close()
