"""Whoever closes the page while waiting makes room; whoever comes back, or is served, does not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from rag.chat.line import Line
from rag.types import Status

QUEUED = Status("status.queued", values={"place": "2"})


@dataclass
class OpenSession:
    """A chat session as Chainlit keeps it."""

    current_task: asyncio.Task[None] | None
    id: str = "s1"
    socket_id: str = "a"


@pytest.fixture
async def session() -> OpenSession:
    return OpenSession(asyncio.create_task(asyncio.Event().wait()))  # type: ignore[arg-type]


async def test_whoever_stays_away_leaves_the_line(session: OpenSession) -> None:
    line = Line(gone_s=0)
    line.note("s1", QUEUED)

    await line.disconnected(session)

    assert session.current_task is not None
    with pytest.raises(asyncio.CancelledError):
        await session.current_task


@pytest.mark.parametrize("why", ["came back", "is served", "is over"])
async def test_others_go_on(session: OpenSession, why: str) -> None:
    line = Line(gone_s=0)
    line.note("s1", QUEUED)
    leaving = line.disconnected(session)
    if why == "came back":
        session.socket_id = "b"
    else:
        line.note("s1", Status("status.writing") if why == "is served" else None)

    await leaving

    assert session.current_task is not None
    assert not session.current_task.cancelling()
