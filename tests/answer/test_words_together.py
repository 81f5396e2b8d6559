"""Words that come faster than anybody reads are told together, and none is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator

from rag.flights import Flights
from rag.types import Status, Token


async def _writing() -> AsyncIterator[Token | Status]:
    yield Status("status.writing")
    for word in ("Die ", "Pumpe ", "läuft."):
        yield Token(word)
    yield Status("status.checking")
    yield Token(" Ende")


async def test_words_are_told_together() -> None:
    told = [event async for event in Flights().join("", _writing, words_s=0.01)]
    assert [event.text for event in told if isinstance(event, Token)] == [
        "Die Pumpe läuft.",
        " Ende",
    ]
    assert len(told) == 4


async def test_without_a_pace_each_word_is_told() -> None:
    told = [event async for event in Flights().join("", _writing)]
    assert sum(isinstance(event, Token) for event in told) == 4
