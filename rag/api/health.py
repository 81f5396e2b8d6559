"""What Millwright depends on: each part with its state and a reason, without addresses or names.

A part is "ok", "degraded" (answers go on, with less), "off" (not wanted) or "down". Questions can
be answered as long as none of ``NEEDED`` is down.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import text

from rag.chat.door import Door
from rag.models.hosts import llm_health
from rag.store.database import reading
from rag.store.edge import EdgeClient
from rag.types import ManualStatus

State = Literal["ok", "degraded", "off", "down"]
NEEDED = ("database", "library", "keywords")
# A part that does not answer within this time is down: whoever asks has a time limit, too.
PATIENCE_S = 4.0
FRESH_S = 2.0
LOW_DISK_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """The state of one thing that answers depend on."""

    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """All parts by name. ``is_ready``: questions can be answered now."""

    parts: dict[str, Part]
    seen_at: float

    @property
    def is_ready(self) -> bool:
        return all(self.parts[name].state != "down" for name in NEEDED)

    def to_json(self) -> dict[str, Any]:
        return {
            "ready": self.is_ready,
            "parts": {name: asdict(part) for name, part in self.parts.items()},
        }


class Health:
    """Looks at every part, at most every two seconds however many ask."""

    def __init__(self, door: Door, *, patience_s: float = PATIENCE_S) -> None:
        self._door = door
        self._patience_s = patience_s
        self._last: Readiness | None = None
        self._looking: asyncio.Task[Readiness] | None = None
        # A look that hangs is not joined by another one: threads would pile up.
        self._hanging: dict[str, asyncio.Future[Part]] = {}

    async def readiness(self) -> Readiness:
        """The state of every part, now or of the last two seconds; never raises."""
        if self._last is not None and time.monotonic() - self._last.seen_at < FRESH_S:
            return self._last
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> Readiness:
        looks: dict[str, Callable[[], Awaitable[Part]]] = {
            "database": lambda: asyncio.to_thread(self._database),
            "library": lambda: asyncio.to_thread(self._library),
            "keywords": self._keywords,
            "engine": lambda: asyncio.to_thread(self._engine),
            "qdrant_server": lambda: asyncio.to_thread(self._qdrant_server),
            "language_model": self._language_model,
            "mlflow": lambda: asyncio.to_thread(self._mlflow),
            "disk": lambda: asyncio.to_thread(self._disk),
        }
        found = await asyncio.gather(*(self._patiently(name, look) for name, look in looks.items()))
        parts = dict(zip(looks, found, strict=True)) | self._models()
        self._last = Readiness(parts, time.monotonic())
        return self._last

    async def _patiently(self, name: str, look: Callable[[], Awaitable[Part]]) -> Part:
        task = self._hanging.get(name)
        if task is None or task.done():
            self._hanging[name] = task = asyncio.ensure_future(look())
        done, _ = await asyncio.wait({task}, timeout=self._patience_s)
        if not done:
            return Part("down", f"no answer within {self._patience_s:g} s")
        if error := task.exception():
            return Part("down", type(error).__name__)
        return task.result()

    # --- parts -----------------------------------------------------------------------------------

    def _database(self) -> Part:
        with reading(self._door.services.database).connect() as connection:
            connection.execute(text("SELECT value FROM state LIMIT 1"))
        return Part("ok")

    def _library(self) -> Part:
        manuals = self._door.services.library.manuals(ManualStatus.ACTIVE)
        return Part("ok", f"{len(manuals)} manuals") if manuals else Part("degraded", "no manuals")

    async def _keywords(self) -> Part:
        """The first index is built by the first question: here, so that nobody waits for it."""
        keywords = self._door.services.keywords
        await keywords.current()
        version = await asyncio.to_thread(self._door.services.library.corpus_version)
        is_current = keywords.built_for == version
        return Part("ok") if is_current else Part("degraded", "the index is being rebuilt")

    def _engine(self) -> Part:
        vectors = self._door.services.vectors
        if not isinstance(vectors.client, EdgeClient):
            return Part("off")
        points = sum(vectors.counts().values())
        return Part("ok", f"{points} points")

    def _qdrant_server(self) -> Part:
        vectors = self._door.services.vectors
        if isinstance(vectors.client, EdgeClient):
            return Part("off")
        vectors.counts()
        return Part("ok")

    def _models(self) -> dict[str, Part]:
        services, settings = self._door.services, self._door.services.settings
        embedder = _model(services.embedder, settings.embedding_model)
        if self._door.jobs.reindexing:  # another model, or the vectors were lost
            done, total = self._door.jobs.reindexing
            reason = f"{embedder.reason}: vectors are being made anew, {done} of {total}"
            embedder = Part("degraded", reason)
        return {
            "embedder": embedder,
            "reranker": _model(services.reranker, settings.reranker_model),
        }

    async def _language_model(self) -> Part:
        health = await llm_health(self._door.services.settings)
        if health["available"]:
            return Part("ok", health["model"])
        state: State = "off" if health["reason"] == "off" else "degraded"
        return Part(state, f"answers are quotations: {health['reason']}")

    def _mlflow(self) -> Part:
        tracer = self._door.services.tracer
        if not self._door.services.settings.tracing:
            return Part("off")
        waiting = tracer.waiting()
        return Part("degraded", f"away; {waiting} wait") if tracer.is_away else Part("ok")

    def _disk(self) -> Part:
        free = shutil.disk_usage(self._door.services.settings.data_dir).free
        told = f"{free // 1_000_000} MB free"
        return Part("ok", told) if free > LOW_DISK_BYTES else Part("degraded", told)


def _model(model: Any, wanted: str) -> Part:
    if model is not None:
        return Part("ok", model.name)
    return Part("off") if wanted in ("none", "auto") else Part("degraded", "not prepared")
