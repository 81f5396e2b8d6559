"""A real database, an answer as the app would finish it, and MLflow's own client to read back."""

from __future__ import annotations

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
