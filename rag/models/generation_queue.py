"""Who may generate now: a bound on generations at once, and a fair line for the others.

Users take turns: somebody who asks five questions waits behind everybody's first one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from rag.errors import LanguageModelDown


class Ticket:
    """One question's place. Always ``leave`` in the end, served or not."""

    def __init__(self, queue: GenerationQueue, user: str) -> None:
        self.user = user
        self.is_served = False
        self.changed = asyncio.Event()
        self._queue = queue

    async def places(self) -> AsyncIterator[int]:
        """The place in the line (1 is next), now and whenever it changes, until it is our turn."""
        shown = 0
        while not self.is_served:
            self.changed.clear()
            place = self._queue.place_of(self)
            if place != shown:
                shown = place
                yield place
            else:
                await self.changed.wait()

    def leave(self) -> None:
        """Make room for the next one; may be called twice."""
        self._queue.left(self)


class GenerationQueue:
    """Lives in one event loop. ``limit`` says how many may generate at once; it may change."""

    def __init__(self, limit: Callable[[], int], longest: int) -> None:
        self._limit = limit
        self._longest = longest
        self._served: set[Ticket] = set()
        # The users in the order of their turns, each with their questions in order.
        self._waiting: dict[str, deque[Ticket]] = {}

    @property
    def running(self) -> int:
        return len(self._served)

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def join(self, user: str) -> Ticket:
        """A place for ``user``. Raises ``LanguageModelDown`` when the line is as long as it may
        be."""
        self.serve()
        if self.waiting >= self._longest and self.running >= self._limit():
            raise LanguageModelDown("error.llm_busy", retryable=True)
        ticket = Ticket(self, user)
        self._waiting.setdefault(user, deque()).append(ticket)
        self.serve()
        return ticket

    def place_of(self, ticket: Ticket) -> int:
        """1 for whoever is next; 0 when it is not waiting."""
        return self._order().index(ticket) + 1 if not ticket.is_served else 0

    def left(self, ticket: Ticket) -> None:
        self._served.discard(ticket)
        mine = self._waiting.get(ticket.user)
        if mine is not None and ticket in mine:
            mine.remove(ticket)
            if not mine:
                del self._waiting[ticket.user]
        self.serve()

    def serve(self) -> None:
        """Let in whoever has room; tell the others that they have moved up."""
        while self._waiting and self.running < self._limit():
            user, mine = next(iter(self._waiting.items()))
            ticket = mine.popleft()
            del self._waiting[user]
            if mine:  # behind everybody else
                self._waiting[user] = mine
            ticket.is_served = True
            self._served.add(ticket)
            ticket.changed.set()
        for mine in self._waiting.values():
            for ticket in mine:
                ticket.changed.set()

    def _order(self) -> list[Ticket]:
        """Everybody who waits, in the order in which they will be served."""
        lines = [list(mine) for mine in self._waiting.values()]
        deepest = max(map(len, lines), default=0)
        return [line[turn] for turn in range(deepest) for line in lines if turn < len(line)]
