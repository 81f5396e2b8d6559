"""Generate an answer on the best host: in turn, and again elsewhere while no word was said yet."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag.errors import LanguageModelDown
from rag.models.hosts import Host, Hosts, hosts_of
from rag.models.llm import Usage, stream
from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_ollama import ChatOllama

logger = logging.getLogger(__name__)

# Seconds before each round over the hosts; half of it to one and a half, so that not all who were
# refused come back at once.
_ROUNDS_S = (0.0, 0.3, 1.0)
# What may be over in a second; of the others, asking the same host again makes nothing better.
_PASSING = ("error.llm_unreachable", "error.llm_busy", "error.llm_stopped")
_PER_QUESTION = ("num_predict", "num_ctx", "temperature")
# What says nothing about the host's health.
_HARMLESS = ("error.llm_busy", "error.llm_model_missing")


@dataclass(frozen=True, slots=True)
class Place:
    """The question's place in the line; 1 is next, 0 says that the waiting is over."""

    number: int


@dataclass(slots=True)
class Generation:
    """One generation. ``report`` says afterwards how it went: host, tries, waiting times in ms."""

    chat: ChatOllama
    messages: Sequence[BaseMessage]
    settings: Settings
    user: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    _has_begun: bool = False

    async def run(self) -> AsyncIterator[Place | str | Usage]:
        """Places in the line, then pieces of text, then one ``Usage``.

        Closing it leaves the line, or stops the server. Raises ``LanguageModelDown``.
        """
        hosts = hosts_of(self.settings)
        joined = time.monotonic()
        ticket = hosts.queue.join(self.user)
        try:
            waited = False
            async for place in ticket.places():
                waited = True
                yield Place(place)
            if waited:
                yield Place(0)
            self.report["queued_ms"] = _ms_since(joined)
            async with aclosing(self._somewhere(hosts)) as items:  # type: ignore[type-var]
                async for item in items:
                    yield item
        finally:
            ticket.leave()

    async def _somewhere(self, hosts: Hosts) -> AsyncIterator[str | Usage]:
        """The first host that says a word; several rounds over those that may yet do so."""
        failure = LanguageModelDown("error.llm_unreachable", retryable=True)
        given_up: list[Host] = []
        tries = 0
        for wait_s in _ROUNDS_S:
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            await self._look_again(hosts, wait_s)
            for host in hosts.in_order(without=given_up):
                tries += 1
                self.report |= {"host": host.url, "tries": tries}
                try:
                    async with aclosing(self._on(host, hosts)) as items:  # type: ignore[type-var]
                        async for item in items:
                            yield item
                    return
                except LanguageModelDown as down:
                    failure = down
                    if self._has_begun:
                        raise
                    if down.key not in _PASSING:
                        given_up.append(host)
            if given_up and len(given_up) == len(hosts.all):
                break
        raise failure

    async def _look_again(self, hosts: Hosts, wait_s: float) -> None:
        """Before the first round: who is there? Before a further one: is anybody back?"""
        away = [host for host in hosts.all if (not host.is_healthy if wait_s else not host.state)]
        if away:
            await asyncio.wait([host.look_up() for host in away], timeout=wait_s or None)

    async def _on(self, host: Host, hosts: Hosts) -> AsyncIterator[str | Usage]:
        """Generate on one host, and remember how it went."""
        started = time.monotonic()
        update = {name: getattr(self.chat, name) for name in _PER_QUESTION}
        chat = hosts.chat(self.chat, host).model_copy(update=update)
        host.breaker.begin()
        host.running += 1
        try:
            pieces = stream(
                chat,
                self.messages,
                first_s=self.settings.ollama_first_token_timeout_s,
                silence_s=self.settings.ollama_timeout_s,
            )
            async with aclosing(pieces) as items:  # type: ignore[type-var]
                async for item in items:
                    if not self._has_begun:
                        self._has_begun = True
                        self.report["first_token_ms"] = _ms_since(started)
                    yield item
            host.breaker.succeeded()
        except LanguageModelDown as down:
            _remember(host, down)
            raise
        finally:
            host.breaker.left()
            host.running -= 1


def _remember(host: Host, down: LanguageModelDown) -> None:
    """What a failure says about a host."""
    if down.key == "error.llm_unreachable":
        host.is_gone()
    elif down.key == "error.llm_model_missing":
        host.looked_up_at = float("-inf")
    elif down.key not in _HARMLESS:
        # Nobody else should wait as long for nothing.
        host.breaker.failed(at_once=down.key == "error.llm_timed_out")
        logger.info("language model: %s is %s", host.url, host.breaker.state)


def _ms_since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
