"""Fetching the language model onto an Ollama host, with progress. Ollama does the work; what it
has fetched stays there when this is cancelled, and is not fetched again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from rag.errors import RagError
from rag.models.hosts import Host
from rag.models.llm import as_down, client_of

logger = logging.getLogger(__name__)

# Ollama says nothing while it checks what it has fetched: minutes for a large model on a slow disk.
_SILENCE_S = 600.0
_LETTERS = 300


@dataclass(frozen=True, slots=True)
class PullState:
    """How far a pull is. ``stage`` and ``error`` are Ollama's own words; sizes in bytes of the
    part that is being fetched. ``error_key`` names a message when Ollama could not be asked."""

    status: Literal["idle", "running", "done", "failed", "cancelled"] = "idle"
    stage: str = ""
    completed: int = 0
    total: int = 0
    error: str = ""
    error_key: str = ""


class Pull:
    """One host's pulls, one at a time. Lives in one event loop."""

    def __init__(self, host: Host) -> None:
        self.state = PullState()
        self._host = host
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the background. Raises ``RagError("error.pull_running")``."""
        if self.state.status == "running":
            raise RagError("error.pull_running")
        self.state = PullState("running")
        self._task = asyncio.create_task(self._run(), name=f"pull on {self._host.url}")

    async def cancel(self) -> None:
        """Stop it; nothing happens when none is running."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def wait(self) -> PullState:
        """The state when the pull is over."""
        if self._task is not None:
            await asyncio.wait({self._task})
        return self.state

    async def _run(self) -> None:
        try:
            await self._fetch()
            self.state = PullState("done", self.state.stage)
        except asyncio.CancelledError:
            self.state = PullState("cancelled", self.state.stage)
            raise
        except Exception as error:
            self.state = self._failed(error)
            logger.warning("pull on %s: %s", self._host.url, error)
        finally:
            self._host.looked_up_at = float("-inf")

    async def _fetch(self) -> None:
        settings = self._host.settings
        client = client_of(settings, _SILENCE_S)
        async with client:
            parts = await client.pull(settings.ollama_model, stream=True)
            async with aclosing(parts) as lines:  # type: ignore[type-var]
                async for line in lines:
                    stage = (line.status or "")[:_LETTERS]
                    self.state = PullState("running", stage, line.completed or 0, line.total or 0)
        if self.state.stage != "success":
            raise ConnectionError("the stream ended before its end")

    def _failed(self, error: Exception) -> PullState:
        from ollama import ResponseError

        stage = self.state.stage
        if isinstance(error, ResponseError):
            return PullState("failed", stage, error=str(error.error)[:_LETTERS])
        down = as_down(error, self._host.settings.ollama_model)
        return PullState("failed", stage, error_key=down.key if down else "error.pull_failed")


_KNOWN: dict[Host, Pull] = {}


def pull_of(host: Host) -> Pull:
    """The pulls of a host; the same object for as long as the process lives."""
    return _KNOWN.setdefault(host, Pull(host))
