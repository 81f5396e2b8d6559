"""How long it usually takes: of the latest answers, and only where it is worth telling."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from rag.chat.pace import Pace
from rag.types import Answer, AnswerMode, Stage


def answer(mode: AnswerMode, *seconds: float) -> Answer:
    stages = tuple(Stage("generate", 0, int(each * 1e9), (), {}) for each in seconds)
    return Answer(
        id="a", question="?", understood_as="?", text="", mode=mode, language="de",
        citations=(), notices=(), checks=(), stages=stages, provenance={},
    )  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """The answers of yesterday: three that a model wrote, one quotation."""
    engine = create_engine(f"sqlite:///{tmp_path / 'answers.db'}")
    rows = [("llm", 9000), ("llm", 11000), ("llm", 40000), ("quote", 300)]
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE answers (mode, provenance, created_at)"))
        for place, (mode, ms) in enumerate(rows):
            provenance = json.dumps({"timings_ms": {"bm25": 100, "generate": ms - 100}})
            connection.execute(
                text("INSERT INTO answers VALUES (:m, :p, :c)"),
                {"m": mode, "p": provenance, "c": f"2026-01-01T00:00:0{place}"},
            )
    return engine


def test_the_median_of_earlier_days_and_of_today(engine: Engine) -> None:
    pace = Pace()
    assert pace.usual_s(written=True) == 0
    pace.read(engine)
    assert pace.usual_s(written=True) == 11
    assert pace.usual_s(written=False) == 0  # a third of a second: not worth a word
    for _ in range(5):
        pace.note(answer("llm", 1.0, 4.0))
    assert pace.usual_s(written=True) == 5
    pace.read(engine)  # only once
    assert pace.usual_s(written=True) == 5


def test_a_kept_answer_says_nothing_of_the_pace() -> None:
    pace = Pace()
    pace.note(dataclasses.replace(answer("llm", 3.0), provenance={"cached": True}))
    assert pace.usual_s(written=True) == 0
    pace.note(answer("llm", 3.0))
    assert pace.usual_s(written=True) == 3
