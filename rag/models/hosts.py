"""The Ollama hosts of ``OLLAMA_BASE_URL``: which ones are there, and which one to ask.

A host's state is looked up at most every few seconds, when somebody asks a question or ``/ready``.
A host that did not answer is looked up again while questions go on without it: none waits longer
than half a second for that. What was learnt is kept for the process, as in ``tokens.meter_of``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rag.models.breaker import Breaker
from rag.models.generation_queue import GenerationQueue
from rag.models.llm import LanguageModelState, chat_model, probe, urls_of
from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_ollama import ChatOllama

FRESH_S = 5.0
# How long a question waits to see whether a host has come back.
_PATIENCE_S = 0.5
_NEVER = float("-inf")


@dataclass(eq=False, slots=True)
class Host:
    """One Ollama server. ``settings`` name it alone; ``running`` are our generations on it."""

    url: str
    settings: Settings
    breaker: Breaker = field(default_factory=Breaker)
    running: int = 0
    state: LanguageModelState | None = None
    looked_up_at: float = _NEVER
    chat: ChatOllama | None = None
    _lookup: asyncio.Task[None] | None = None

    @property
    def is_healthy(self) -> bool:
        return self.state is not None and self.state.available and self.breaker.allows

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.looked_up_at < FRESH_S

    def look_up(self) -> asyncio.Task[None]:
        """Ask for its models, in the background; one look-up at a time."""
        task = self._lookup
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            self._lookup = task = asyncio.create_task(self._look(), name=f"look up {self.url}")
        return task

    async def _look(self) -> None:
        self.state = await probe(self.settings)
        self.looked_up_at = time.monotonic()

    def is_gone(self) -> None:
        """It refused a connection: not to be asked again until a look-up finds it."""
        self.state = LanguageModelState(False, "unreachable", self.settings.ollama_model)
        self.looked_up_at = time.monotonic()


class Hosts:
    """All hosts and the line before them. Lives in one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.all = [
            Host(url, settings.model_copy(update={"ollama_base_url": url}))
            for url in urls_of(settings)
        ]
        self.queue = GenerationQueue(self._room, settings.ollama_queue)
        self.digest = ""
        """Of the model when it was last seen; answers of before an outage are still its own."""

    async def state(self) -> LanguageModelState:
        """Whether answers can be generated now, by any host; never raises."""
        await self._refresh()
        state = self.known()
        self.digest = state.digest or self.digest
        return state

    def seen_digest(self) -> str:
        """The model's digest as last seen, without waiting; looked up anew in the background."""
        for host in self.all:
            if not host.is_fresh:
                host.look_up()
        self.digest = self.known().digest or self.digest
        return self.digest

    def known(self) -> LanguageModelState:
        """The same from memory, without waiting. A host never seen counts as unreachable."""
        model = self.settings.ollama_model
        if not self.all:
            return LanguageModelState(False, "off", model)
        healthy = [host.state for host in self.in_order() if host.state is not None]
        if healthy:
            return healthy[0]
        states = [host.state for host in self.all if host.state is not None]
        if any(state.available for state in states):
            return LanguageModelState(False, "failing", model)
        missing = [state for state in states if state.reason == "model_missing"]
        return missing[0] if missing else LanguageModelState(False, "unreachable", model)

    def in_order(self, without: Collection[Host] = ()) -> list[Host]:
        """The healthy hosts, the least busy first; of equals, as they are listed."""
        healthy = [host for host in self.all if host.is_healthy and host not in without]
        return sorted(healthy, key=lambda host: host.running)

    def chat(self, first: ChatOllama, host: Host | None = None) -> ChatOllama:
        """The chat model on ``host`` (the best one when none is named). ``first`` is the one that
        the services hold; it serves the host it was built for."""
        host = host or next(iter(self.in_order()), None)
        if host is None or first.base_url == host.url:
            return first
        if host.chat is None:
            host.chat = chat_model(host.settings)
        return host.chat

    @asynccontextmanager
    async def turn(self, first: ChatOllama, user: str) -> AsyncIterator[ChatOllama]:
        """The chat model for a short text, when it is ``user``'s turn."""
        ticket = self.queue.join(user)
        try:
            async for _ in ticket.places():
                pass
            yield self.chat(first)
        finally:
            ticket.leave()

    async def _refresh(self) -> None:
        """Look up what is not fresh; wait for what matters to this question, and no longer."""
        old = [host for host in self.all if not host.is_fresh]
        if not old:
            return
        tasks = [host.look_up() for host in old]
        trusted = [host.state is None or host.state.available for host in old]
        if any(host.is_fresh and host.is_healthy for host in self.all):
            return
        # A look-up ends by itself, at its time limits.
        await asyncio.wait(tasks, timeout=None if any(trusted) else _PATIENCE_S)

    def _room(self) -> int:
        """Generations at once on all hosts together."""
        healthy = sum(host.is_healthy for host in self.all)
        return max(1, healthy) * self.settings.ollama_parallel


_KNOWN: dict[tuple[object, ...], Hosts] = {}


def hosts_of(settings: Settings) -> Hosts:
    """The hosts that these settings name; the same object for as long as the process lives."""
    key = (
        settings.ollama_base_url,
        settings.ollama_model,
        settings.ollama_parallel,
        settings.ollama_queue,
        settings.ollama_connect_timeout_s,
    )
    if key not in _KNOWN:
        _KNOWN[key] = Hosts(settings)
    return _KNOWN[key]


async def llm_health(settings: Settings) -> dict[str, Any]:
    """What ``/ready`` and the admin's page show; survives JSON and never raises.

    ``{"available": bool, "reason": "ok" | "unreachable" | "model_missing" | "failing" | "off",
    "model": str, "hosts": [{"url", "reachable", "has_model", "models", "breaker", "running"}],
    "queue": {"running", "waiting", "limit"}}``. A host that does not answer costs half a second,
    or the connect time limit when nothing is known of it.
    """
    hosts = hosts_of(settings)
    state = await hosts.state()
    return {
        "available": state.available,
        "reason": state.reason,
        "model": state.model,
        "hosts": [_health_of(host) for host in hosts.all],
        "queue": {
            "running": hosts.queue.running,
            "waiting": hosts.queue.waiting,
            "limit": hosts._room(),
        },
    }


def _health_of(host: Host) -> dict[str, Any]:
    state = asdict(host.state) if host.state else {"reason": "unreachable", "models": ()}
    return {
        "url": host.url,
        "reachable": state["reason"] != "unreachable",
        "has_model": state["reason"] == "ok",
        "models": list(state["models"]),
        "breaker": host.breaker.state,
        "running": host.running,
    }
