"""Work that several people may wait for: run once, told to all, ended when nobody listens.

A flight is a stream of events that runs in a task of its own. Whoever joins gets everything from
its beginning. Whoever leaves does not end it, unless it was the last one. When the app shuts down,
no flight begins any more; those under way get some seconds, then they end with the reason.

Words may be told as they come, or the first at once and further ones a few times a second, as many
as have come.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from itertools import islice, takewhile
from typing import Any

from rag.errors import RagError
from rag.types import Token

# To show the last event: a box in the browser, a row in the history.
_LAST_WORDS_S = 2.0
# For doors to people: words that come faster than anybody reads are told together, for each telling
# goes through many hands.
WORDS_S = 0.05
Start = Callable[[], AsyncIterator[Any]]


class _Flight:
    """One stream of events, and who waits for its next one."""

    def __init__(self, start: Start) -> None:
        self.events: list[Any] = []
        self.riders = 0
        self.is_over = False
        self.error: Exception | None = None
        self._start = start
        self._waiting: set[asyncio.Future[None]] = set()
        self.task = asyncio.create_task(self._fly())

    async def next_event(self, place: int) -> bool:
        """Wait until event ``place`` is there; ``False`` when there is no such event."""
        while place >= len(self.events) and not self.is_over:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.add(waiter)
            try:
                await waiter
            finally:
                self._waiting.discard(waiter)
        return place < len(self.events)

    def tokens(self, place: int) -> list[str]:
        """The texts of the tokens that follow on each other from event ``place`` on."""
        tokens = takewhile(lambda event: isinstance(event, Token), islice(self.events, place, None))
        return [token.text for token in tokens]

    async def stop(self, error: Exception | None = None) -> None:
        """End the work and see its end; ``error`` is what those who listen are told."""
        self.error = self.error or error
        self.task.cancel()
        await asyncio.wait({self.task})

    async def _fly(self) -> None:
        try:
            async with aclosing(self._start()) as events:  # type: ignore[type-var]
                async for event in events:
                    self.events.append(event)
                    self._tell()
        except Exception as error:
            self.error = error
        finally:
            self.is_over = True
            self._tell()

    def _tell(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)


class Flights:
    """Everything that is under way in this process. Lives in one event loop."""

    def __init__(self) -> None:
        self._by_key: dict[str, _Flight] = {}
        self._all: set[_Flight] = set()
        self.is_closing = False
        self._audience = 0
        self._nobody = asyncio.Event()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Around what shows events to somebody, so that ``drain`` lets it show the last one."""
        self._audience += 1
        try:
            yield
        finally:
            self._audience -= 1
            if not self._audience:
                self._nobody.set()

    @property
    def riders(self) -> int:
        """Everybody who waits for something under way."""
        return sum(flight.riders for flight in self._all)

    async def join(self, key: str, start: Start, words_s: float = 0.0) -> AsyncIterator[Any]:
        """The events of the flight ``key``, begun by ``start`` when there is none; an empty key is
        shared with nobody. ``words_s`` seconds lie between tokens, at least; those that came
        meanwhile are one. Raises what the work raises, and ``RagError`` while shutting down."""
        if self.is_closing:
            raise RagError("error.shutting_down", retryable=True)
        flight = self._by_key.get(key)
        if flight is None:
            flight = self._begin(key, start)
        flight.riders += 1
        place = 0
        told = float("-inf")
        try:
            while await flight.next_event(place):
                event = flight.events[place]
                place += 1
                if words_s and isinstance(event, Token):
                    await asyncio.sleep(max(0.0, told + words_s - time.monotonic()))
                    more = flight.tokens(place)
                    event, place = Token(event.text + "".join(more)), place + len(more)
                    told = time.monotonic()
                yield event
            if flight.error is not None:
                raise flight.error
        finally:
            flight.riders -= 1
            if not flight.riders and not flight.is_over:
                self._forget(key, flight)  # nobody may join what is about to end
                await flight.stop()

    async def drain(self, seconds: float) -> int:
        """Let nothing new begin, give what is under way ``seconds``, end the rest. Returns how
        many were ended."""
        self.is_closing = True
        if self._all:
            await asyncio.wait({flight.task for flight in self._all}, timeout=seconds)
        late = list(self._all)
        told = RagError("error.interrupted", retryable=True)
        await asyncio.gather(*(flight.stop(told) for flight in late))
        while self._audience:
            self._nobody.clear()
            try:
                await asyncio.wait_for(self._nobody.wait(), _LAST_WORDS_S)
            except TimeoutError:  # somebody's connection hangs
                break
        return len(late)

    def _begin(self, key: str, start: Start) -> _Flight:
        flight = _Flight(start)
        self._all.add(flight)
        if key:
            self._by_key[key] = flight
        flight.task.add_done_callback(lambda _: self._forget(key, flight))
        return flight

    def _forget(self, key: str, flight: _Flight) -> None:
        if self._by_key.get(key) is flight:
            del self._by_key[key]
        if flight.task.done():
            self._all.discard(flight)
            with contextlib.suppress(asyncio.CancelledError):
                flight.task.exception()
