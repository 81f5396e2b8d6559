"""A real database, an answer as the app would finish it, and MLflow's own client to read back."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from rag.settings import Settings
from rag.store.database import open_database
from rag.types import Answer, Citation, Stage

MakeAnswer = Callable[..., Answer]


class LogWatch(logging.Handler):
    """Remembers the tracer's records and lets a test wait for one."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []
        self._changed = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()

    def wait_for(self, words: str, count: int = 1, timeout: float = 60.0) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.count(words) >= count, timeout)

    def count(self, words: str) -> int:
        return sum(words in record.getMessage() for record in self.records)


@pytest.fixture
def log() -> Iterator[LogWatch]:
    watch = LogWatch()
    logger = logging.getLogger("rag.observe.tracing")
    level = logger.level
    logger.addHandler(watch)
    logger.setLevel(logging.DEBUG)
    yield watch
    logger.removeHandler(watch)
    logger.setLevel(level)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", mlflow_tracking_uri="")


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = open_database(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def make_answer() -> MakeAnswer:
    return _answer


def _answer(question: str = "Was bedeutet E-104?", **changes: Any) -> Answer:
    start = time.time_ns() - 2_000_000_000
    citation = Citation(
        n=1,
        chunk_id="chunk-7",
        manual_id="manual-1",
        title="Schraubenkompressor SK 22",
        machine="SK 22",
        revision="3",
        page=41,
        label="6-3",
        last_page=41,
        heading=("Störungen",),
        quote="E-104: Öltemperatur zu hoch",
        boxes=(),
        language="de",
    )
    values: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "question": question,
        "understood_as": question,
        "text": "Die Öltemperatur ist zu hoch [1].",
        "mode": "llm",
        "language": "de",
        "citations": (citation,),
        "notices": (),
        "checks": (),
        "stages": (
            Stage("dense", start, start + 3_000_000, ("chunk-7", "chunk-9")),
            Stage("bm25", start, start + 1_000_000, ("chunk-7",), {"terms": 3}),
            Stage("fusion", start + 3_000_000, start + 3_200_000, ("chunk-7", "chunk-9")),
            Stage("rerank", start + 3_200_000, start + 90_000_000, ("chunk-7", "chunk-9")),
            Stage("dedup", start + 90_000_000, start + 90_500_000, ("chunk-7",)),
            Stage("generation", start + 91_000_000, start + 1_500_000_000, (), {"tokens": 12}),
        ),
        "provenance": {"model": "mistral", "prompt_version": "3", "path": Path("x")},
    }
    return Answer(**(values | changes))
