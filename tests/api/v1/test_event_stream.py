"""The stream by itself: heartbeat, order, and that it ends when nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from rag.api.v1.event_stream import EventStream, while_listened


class Caller:
    """The other end: ``gone`` when it has left, ``stuck`` when it takes nothing any more."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.stuck = False
        self.got = b""
        self.ended = False
        self.changed = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] != "http.response.body":
            return
        if self.stuck:
            await asyncio.Event().wait()
        self.got += message["body"]
        self.ended = not message["more_body"]
        self.changed.set()

    async def until(self, text: bytes) -> None:
        while text not in self.got:
            self.changed.clear()
            await self.changed.wait()


async def test_a_heartbeat_while_nothing_happens() -> None:
    caller, go_on = Caller(), asyncio.Event()

    async def events() -> AsyncGenerator[bytes]:
        await go_on.wait()
        yield b"event: done\n\n"

    stream = asyncio.create_task(_run(EventStream(events(), heartbeat_s=0.01), caller))
    await caller.until(b": still there\n\n: still there\n\n")
    go_on.set()
    await stream
    assert caller.got.endswith(b"event: done\n\n")
    assert caller.ended


@pytest.mark.parametrize("how", ["gone", "stuck"])
async def test_the_work_ends_with_the_caller(how: str) -> None:
    caller, closed = Caller(), asyncio.Event()

    async def events() -> AsyncGenerator[bytes]:
        try:
            yield b"event: token\n\n"
            if how == "stuck":
                caller.stuck = True
                yield b"event: token\n\n"
            await asyncio.Event().wait()
        finally:
            closed.set()

    stream = asyncio.create_task(_run(EventStream(events(), send_s=0.01), caller))
    if how == "gone":
        await caller.until(b"token")
        caller.gone.set()
    await stream
    assert closed.is_set()
    assert not caller.ended


async def test_a_time_limit_inside_the_events_belongs_to_one_task() -> None:
    caller = Caller()

    async def events() -> AsyncGenerator[bytes]:
        async with asyncio.timeout(60):
            yield b"one"
            await asyncio.sleep(0)
            yield b"two"

    await _run(EventStream(events()), caller)
    assert (caller.got, caller.ended) == (b"onetwo", True)


async def test_work_for_a_caller_who_leaves_is_cancelled() -> None:
    caller, began, cancelled = Caller(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    waiting = asyncio.create_task(while_listened(caller.receive, work()))
    await began.wait()
    caller.gone.set()
    with pytest.raises(ClientDisconnect):
        await waiting
    assert cancelled.is_set()


async def test_work_that_fails_says_so() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await while_listened(Caller().receive, work())


async def _run(stream: EventStream, caller: Caller) -> None:
    await stream({"type": "http"}, caller.receive, caller.send)
