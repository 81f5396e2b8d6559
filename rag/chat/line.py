"""Who closed the page while waiting for the language model gives the place to somebody else.

A phone that goes to sleep loses its connection as well, so there is some time to come back; and an
answer that is being written already is written to its end, for the history.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from rag.types import Event, Status

GONE_S = 30.0


class Session(Protocol):
    """What is needed of Chainlit's ``WebsocketSession``; a new socket is somebody who came back."""

    id: str
    socket_id: str
    current_task: asyncio.Task[None] | None


class Line:
    """Knows by their events whose questions wait. Lives in one event loop."""

    def __init__(self, gone_s: float = GONE_S) -> None:
        self._gone_s = gone_s
        self._waiting: set[str] = set()
        self._watching: set[asyncio.Task[None]] = set()

    def note(self, session_id: str, event: Event | None) -> None:
        """What a session's question just told; ``None``: it is over."""
        if isinstance(event, Status) and event.stage is not None:
            return
        if isinstance(event, Status) and event.key == "status.queued":
            self._waiting.add(session_id)
        else:
            self._waiting.discard(session_id)

    def disconnected(self, session: Session) -> asyncio.Task[None]:
        """Stop the question of a session that stays away while it waits."""
        task = asyncio.create_task(self._leave(session, session.socket_id))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)
        return task

    async def _leave(self, session: Session, socket_id: str) -> None:
        await asyncio.sleep(self._gone_s)
        came_back = session.socket_id != socket_id
        if not came_back and session.id in self._waiting and session.current_task:
            session.current_task.cancel()
