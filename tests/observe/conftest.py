"""A real database, an answer as the app would finish it, and MLflow's own client to read back."""

from __future__ import annotations

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from rag.observe.ledger import Ledger
from rag.observe.mlflow_client import tracking_uri
from rag.observe.trace import trace_name
from rag.observe.tracing import Tracer
from rag.settings import Settings
from rag.store.database import open_database
from rag.types import Answer, Citation, Stage

MakeAnswer = Callable[..., Answer]
ANNA = "p-0123456789abcdef"
BERT = "p-fedcba9876543210"
AWAY = "MLflow cannot be reached"
WAIT_S = 60.0  # MLflow may have to be imported on the way


def record(tracer: Tracer, answer: Answer, who: str = ANNA) -> None:
    tracer.record(answer, user_pseudonym=who, thread_id="thread-1", run_id=f"run-{answer.id}")


def read(settings: Settings, answer: Answer) -> Any:
    """The answer's trace, by MLflow's own client."""
    from mlflow.tracing.client import TracingClient

    return TracingClient(tracking_uri(settings)).get_trace(trace_name(answer.id))


def ratings(trace: Any) -> list[tuple[bool, str | None]]:
    return [(a.value, a.rationale) for a in trace.info.assessments if a.valid]


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


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


@pytest.fixture(scope="session")
def fresh_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database with its schema and our experiment, made once: it takes seconds."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("mlflow"), mlflow_tracking_uri="")
    engine = open_database(settings)
    tracer = Tracer(settings, Ledger(engine))
    record(tracer, _answer())
    assert tracer.flush(120)
    tracer.close()
    engine.dispose()
    return settings.data_dir / "mlflow.db"


@pytest.fixture
def tracer(settings: Settings, engine: Engine, fresh_mlflow: Path) -> Iterator[Tracer]:
    """On an MLflow that is ready; after a failure it tries again at once."""
    shutil.copy(fresh_mlflow, settings.data_dir / "mlflow.db")
    tracer = Tracer(settings, Ledger(engine), first_wait_s=0.05, longest_wait_s=0.05)
    yield tracer
    tracer.close()


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
            Stage("fused", start + 3_000_000, start + 3_200_000, ("chunk-7", "chunk-9")),
            Stage("rerank", start + 3_200_000, start + 90_000_000, ("chunk-7", "chunk-9")),
            Stage("dedup", start + 90_000_000, start + 90_500_000, ("chunk-7",)),
            Stage("generate", start + 91_000_000, start + 1_500_000_000, (), {"tokens": 12}),
        ),
        "provenance": {
            "model": {"name": "mistral", "digest": "f974a74358d6"},
            "prompt_version": "3",
            "scope": {"machines": ["HP 100"]},
            "path": Path("x"),
        },
    }
    return Answer(**(values | changes))
