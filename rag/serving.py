"""The web server, and how it ends: no new questions, running answers to their end, then the rest.

A first SIGTERM or SIGINT begins that; a second one ends at once.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn

from rag.api.deadlines import PatientProtocol

# How long a thread that searches may keep the loop, which streams everybody's answers, waiting
# after each socket it wrote to. Python's 5 ms add up.
_SWITCH_S = 0.001
# What is left when the answers are told: sockets to close, pages being sent.
_CLOSING_S = 3


class Server(uvicorn.Server):
    """uvicorn, which by itself closes the chat's sockets at once when it is told to end."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[object]]) -> None:
        super().__init__(config)
        self._drain = drain
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self._loop = asyncio.get_running_loop()
        sys.setswitchinterval(_SWITCH_S)
        await super().startup(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Not noted for uvicorn, which would raise the signal again: an end in order is exit 0."""
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._begin_to_end, sig)

    def _begin_to_end(self, sig: int) -> None:
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        else:
            self.should_exit = True
            self.force_exit = sig == signal.SIGINT

    async def _end(self) -> None:
        try:
            await self._drain()
        finally:
            self.should_exit = True


def server_of(app: object, drain: Callable[[], Awaitable[object]]) -> Server:
    """The server for the chat's ASGI application; ``drain`` ends what is under way."""
    return Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            http=PatientProtocol,
            proxy_headers=False,  # `TRUSTED_PROXIES` says whom to believe
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_CLOSING_S,
            ws_max_size=1024 * 1024,
        ),
        drain,
    )
