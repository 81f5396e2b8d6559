"""Server-sent events: a heartbeat while nothing happens, an end when nobody listens any more.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

HEARTBEAT_S = 15.0
# A caller who takes nothing for so long is gone, whatever the network says.
SEND_S = 30.0
_HEARTBEAT = b": still there\n\n"


class EventStream(Response):
    """Sends what ``events`` yields, each one ready made. The generator is closed when the caller
    leaves, which ends whatever it waits for.

    One task runs the generator from its first line to its last: it may hold time limits that
    belong to their task.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes],
        *,
        heartbeat_s: float = HEARTBEAT_S,
        send_s: float = SEND_S,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._heartbeat_s = heartbeat_s
        self._send_s = send_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ready: asyncio.Queue[bytes | None] = asyncio.Queue()
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        tasks = {
            asyncio.create_task(self._produce(ready), name="events"),
            asyncio.create_task(self._send_all(ready, send), name="event stream"),
            asyncio.create_task(_until_gone(receive), name="event stream: still there?"),
        }
        produce = next(task for task in tasks if task.get_name() == "events")
        try:
            # The producer ends before its last event is sent: only the other two decide.
            await asyncio.wait(tasks - {produce}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _produce(self, ready: asyncio.Queue[bytes | None]) -> None:
        try:
            async with contextlib.aclosing(self._events) as events:
                async for event in events:
                    ready.put_nowait(event)
        except Exception:
            logger.exception("an event stream broke off")
        finally:
            ready.put_nowait(None)

    async def _send_all(self, ready: asyncio.Queue[bytes | None], send: Send) -> None:
        while True:
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    event = await ready.get()
            except TimeoutError:
                event = _HEARTBEAT
            body = {"type": "http.response.body", "body": event or b"", "more_body": bool(event)}
            try:
                async with asyncio.timeout(self._send_s):
                    await send(body)
            except (TimeoutError, OSError):
                logger.info("a caller of the event stream takes nothing any more")
                return
            if event is None:
                return


async def while_listened(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """What ``work`` returns; it is cancelled when the caller leaves. Raises ``ClientDisconnect``
    then. The body of the request must have been read."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_until_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
