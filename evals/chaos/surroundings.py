"""The app and what it leans on, as the scenarios see them, and the rows that they fill in."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evals.chaos.app import App
from tests.stand_in.ollama import OllamaStandIn
from tests.stand_in.qdrant import QdrantStandIn

if TYPE_CHECKING:
    from evals.chaos.clock import Clock

AT_ONCE_S = 2.0
RECOVERED_S = 10.0
NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    expected: str
    seen: str
    seconds: float
    ok: bool


@dataclass
class Surroundings:
    """The app and what it leans on."""

    app: App
    ollama: OllamaStandIn
    qdrant: QdrantStandIn | None = None
    clock: Clock | None = None
    _asked: int = 0

    async def ask(self) -> tuple[dict[str, Any], float]:
        """A question that nobody has asked before, so that no kept answer comes."""
        self._asked += 1
        response, seconds = await self.app.ask(
            f"Wie viel Kompressorenöl wird beim SK 37 eingefüllt? (Meldung {self._asked})"
        )
        answer: dict[str, Any] = response.json()
        return {"status": response.status_code, **answer}, seconds

    async def until_mode(self, mode: str) -> float:
        """Ask until the answer is of this mode; the seconds it took."""
        begun = time.monotonic()
        while time.monotonic() - begun < 60:
            answer, _ = await self.ask()
            if answer.get("mode") == mode:
                break
            await asyncio.sleep(0.3)
        return time.monotonic() - begun


def row_of(name: str, expected: str, answer: dict[str, Any], seconds: float, ok: bool) -> Row:
    seen = answer.get("mode") or f"{answer.get('status')} {answer.get('title', '')}"
    return Row(name, expected, str(seen), seconds, ok)


async def ended(app: App, job_id: str) -> dict[str, Any]:
    while (job := await app.job(job_id))["status"] in ("queued", "running"):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    return job
