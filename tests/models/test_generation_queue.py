"""The line before the language model: fair, bounded, and everybody knows their place."""

from __future__ import annotations

import asyncio

import pytest

from rag.errors import LanguageModelDown
from rag.models.generation_queue import GenerationQueue, Ticket


def places(*tickets: Ticket) -> list[int]:
    """The place of each; 0 for who is served."""
    return [0 if one.is_served else one._queue.place_of(one) for one in tickets]


async def test_users_take_turns() -> None:
    queue = GenerationQueue(lambda: 1, 10)
    busy = queue.join("ann")
    ann = [queue.join("ann") for _ in range(3)]
    bob = [queue.join("bob") for _ in range(2)]

    assert places(busy, *ann, *bob) == [0, 1, 3, 5, 2, 4]

    order = []
    served = busy
    for _ in range(5):
        served.leave()
        served = next(one for one in (*ann, *bob) if one.is_served and one not in order)
        order.append(served)
    assert order == [ann[0], bob[0], ann[1], bob[1], ann[2]]


async def test_whoever_waits_is_told_each_new_place() -> None:
    queue = GenerationQueue(lambda: 1, 10)
    first, second, third = (queue.join(name) for name in ("ann", "bob", "cem"))
    seen: list[int] = []
    heard = asyncio.Event()

    async def wait() -> None:
        async for place in third.places():
            seen.append(place)
            heard.set()

    waiting = asyncio.create_task(wait())
    await heard.wait()
    heard.clear()
    second.leave()
    await heard.wait()
    first.leave()
    await waiting

    assert seen == [2, 1]
    assert third.is_served


async def test_leaving_twice_gives_one_place_only() -> None:
    queue = GenerationQueue(lambda: 1, 10)
    first, second, third = (queue.join(name) for name in ("ann", "bob", "cem"))

    first.leave()
    first.leave()

    assert places(second, third) == [0, 1]
    assert (queue.running, queue.waiting) == (1, 1)


async def test_a_line_that_is_full_says_so_at_once() -> None:
    queue = GenerationQueue(lambda: 2, 1)
    for name in ("ann", "bob", "cem"):
        queue.join(name)

    with pytest.raises(LanguageModelDown) as refused:
        queue.join("dan")

    assert refused.value.key == "error.llm_busy"


async def test_another_host_makes_room() -> None:
    room = 1
    queue = GenerationQueue(lambda: room, 10)
    tickets = [queue.join(name) for name in ("ann", "bob", "cem")]

    room = 2
    queue.serve()

    assert places(*tickets) == [0, 0, 1]
