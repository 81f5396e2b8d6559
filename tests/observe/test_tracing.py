"""Answers as MLflow's own client reads them back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from rag.observe.ledger import Ledger
from rag.observe.trace import Trace, trace_name, trace_of
from rag.observe.tracing import Tracer
from rag.settings import Settings
from rag.types import Stage
from tests.observe.conftest import (
    ANNA,
    WAIT_S,
    LogWatch,
    MakeAnswer,
    ratings,
    read,
    record,
    rows,
)


@pytest.mark.slow
def test_an_answer_is_one_trace_with_its_stages(
    tracer: Tracer, settings: Settings, engine: Engine, make_answer: MakeAnswer
) -> None:
    answer = make_answer()
    record(tracer, answer)
    assert tracer.flush(WAIT_S)
    trace = read(settings, answer)

    assert trace.info.client_request_id == answer.id
    assert trace.info.request_preview == answer.question
    assert trace.info.execution_duration == 1500
    assert trace.info.trace_metadata["mlflow.trace.user"] == ANNA
    assert trace.info.trace_metadata["mlflow.trace.session"] == "thread-1"
    expected = {
        "user": ANNA,
        "thread": "thread-1",
        "mode": "llm",
        "machine": "SK 22",
        "model": "mistral",
        "prompt_version": "3",
        "answer_id": answer.id,
    }
    assert expected.items() <= trace.info.tags.items()

    spans = {span.name: span for span in trace.data.spans}
    names = ["dense", "bm25", "fusion", "rerank", "dedup", "generation"]
    assert set(spans) == {"answer", *names}
    root = spans["answer"]
    assert root.parent_id is None
    assert root.inputs["question"] == "Was bedeutet E-104?"
    assert root.outputs["answer"] == answer.text
    assert root.outputs["citations"][0]["page"] == 41
    for name, stage in zip(names, answer.stages, strict=True):
        span = spans[name]
        assert span.parent_id == root.span_id
        assert (span.start_time_ns, span.end_time_ns) == (stage.started_ns, stage.ended_ns)
        assert [hit["id"] for hit in span.outputs] == list(stage.chunk_ids)
    assert spans["dense"].span_type == "RETRIEVER"
    assert spans["dense"].outputs[1] == {"id": "chunk-9", "rank": 2}
    assert spans["bm25"].get_attribute("terms") == 3
    assert rows(engine, "SELECT id, run_id, trace_id, pseudonym FROM answers") == [
        (answer.id, f"run-{answer.id}", trace.info.trace_id, ANNA)
    ]


@pytest.mark.slow
def test_no_request_leaves_the_machine(tmp_path: Path) -> None:
    """A process of its own, as in production, with an ear on every name that is looked up."""
    program = """
import sys
seen = []
def ear(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        seen.append((event, arguments[-2:]))
sys.addaudithook(ear)
from rag.observe.tracing import open_tracer
from rag.settings import Settings
from rag.store.database import open_database
from tests.observe.conftest import _answer
settings = Settings()
tracer = open_tracer(settings, open_database(settings))
answer = _answer()
tracer.record(answer, user_pseudonym="p-1", thread_id="t", run_id="r")
tracer.rate("r", 1, pseudonym="p-1")
print("written", tracer.flush(90))
tracer.close()
print("seen", seen)
"""
    quiet = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=quiet, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["written True", "seen []"]
    assert done.stderr == ""
    assert not Path("mlruns").exists()


@pytest.mark.slow
def test_writing_twice_gives_one_trace_and_one_rating(
    tracer: Tracer, settings: Settings, engine: Engine, make_answer: MakeAnswer
) -> None:
    answer = make_answer()
    record(tracer, answer)
    tracer.rate(answer.id, 0, pseudonym=ANNA)
    assert tracer.flush(WAIT_S)
    ledger = Ledger(engine)
    with engine.begin() as connection:  # as if the process had died before it noted the copies
        connection.execute(text("DELETE FROM ratings"))
        connection.execute(text("DELETE FROM answers"))
    again = Tracer(settings, ledger)
    record(again, answer)
    again.rate(answer.id, 0, pseudonym=ANNA)
    assert again.flush(WAIT_S)
    again.close()
    trace = read(settings, answer)
    assert len(trace.data.spans) == 1 + len(answer.stages)
    assert ratings(trace) == [(False, None)]


def test_without_tracing_answers_and_ratings_are_kept_all_the_same(
    settings: Settings, engine: Engine, make_answer: MakeAnswer, tmp_path: Path
) -> None:
    tracer = Tracer(settings.model_copy(update={"tracing": False}), Ledger(engine))
    answer = make_answer()
    record(tracer, answer)
    tracer.rate(answer.id, 0, comment="falsch", pseudonym=ANNA)
    assert tracer.flush()
    tracer.close()
    assert rows(engine, "SELECT question FROM answers") == [(answer.question,)]
    assert rows(engine, "SELECT value, comment FROM ratings") == [(0, "falsch")]
    assert rows(engine, "SELECT count(*) FROM pending_traces") == [(0,)]
    assert not (settings.data_dir / "mlflow.db").exists()


def test_the_backlog_is_bounded_and_keeps_the_newest(
    engine: Engine, settings: Settings, make_answer: MakeAnswer, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(engine, max_pending=5)
    answers = [make_answer(f"Frage {i}") for i in range(8)]
    for answer in answers:
        trace = trace_of(answer, pseudonym=ANNA, thread_id="t")
        ledger.add(answer, pseudonym=ANNA, thread_id="t", run_id=None, trace=trace)
    assert ledger.waiting() == 5
    [oldest] = ledger.oldest_traces(1)
    assert oldest.answer_id == answers[3].id
    assert "dropped" in caplog.text
    assert len(rows(engine, "SELECT id FROM answers")) == 8


def test_stages_timed_by_the_monotonic_clock_are_moved_to_the_present(
    make_answer: MakeAnswer,
) -> None:
    started = time.perf_counter_ns()
    answer = make_answer(stages=(Stage("bm25", started, started + 5_000_000),))
    trace = trace_of(answer, pseudonym=ANNA, thread_id="t")
    span = trace.spans[1]
    assert span.ended_ns - span.started_ns == 5_000_000
    assert abs(span.started_ns - time.time_ns()) < 5_000_000_000
    assert Trace.from_json(trace.to_json()) == trace


@pytest.mark.slow
def test_a_trace_that_nobody_can_read_does_not_hold_up_the_next(
    tracer: Tracer, settings: Settings, engine: Engine, make_answer: MakeAnswer, log: LogWatch
) -> None:
    old, new = make_answer(), make_answer()
    Ledger(engine).add(
        old, pseudonym=ANNA, thread_id="t", run_id=None, trace=trace_of(old, pseudonym=ANNA)
    )
    with engine.begin() as connection:
        connection.execute(text('UPDATE pending_traces SET trace = \'{"from": "long ago"}\''))
    record(tracer, new)
    assert tracer.flush(WAIT_S)
    assert log.count("refused a trace") == 1
    assert read(settings, new).info.client_request_id == new.id
    found = dict(rows(engine, "SELECT id, trace_id FROM answers"))
    assert found == {old.id: None, new.id: trace_name(new.id)}


def test_an_answer_without_sources_has_the_machine_that_was_asked_for(
    make_answer: MakeAnswer,
) -> None:
    refusal = make_answer(citations=(), mode="refusal", stages=())
    trace = trace_of(refusal, pseudonym=ANNA)
    assert trace.tags["machine"] == "HP 100"
    assert trace.tags["mode"] == "refusal"
    assert "thread" not in trace.tags
    assert len(trace.spans) == 1
    bare = trace_of(make_answer(citations=(), provenance={"model": None}), pseudonym=ANNA)
    assert "machine" not in bare.tags
    assert "model" not in bare.tags
