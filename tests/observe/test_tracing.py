"""Answers and ratings as MLflow's own client reads them back."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracing.client import TracingClient
from sqlalchemy import Engine, text

from rag.errors import NotAllowed, RagError
from rag.observe.ledger import Ledger
from rag.observe.mlflow_client import tracking_uri
from rag.observe.trace import trace_name
from rag.observe.tracing import Tracer
from rag.settings import Settings
from rag.types import Answer, Stage
from tests.observe.conftest import LogWatch, MakeAnswer

ANNA = "p-0123456789abcdef"
BERT = "p-fedcba9876543210"
AWAY = "MLflow cannot be reached"
WAIT_S = 60.0  # MLflow's schema is made on the way


@pytest.fixture
def tracer(settings: Settings, engine: Engine) -> Iterator[Tracer]:
    tracer = Tracer(settings, Ledger(engine), first_wait_s=0.05, longest_wait_s=0.05)
    yield tracer
    tracer.close()


def record(tracer: Tracer, answer: Answer, who: str = ANNA) -> None:
    tracer.record(answer, user_pseudonym=who, thread_id="thread-1", run_id=f"run-{answer.id}")


def read(settings: Settings, answer: Answer) -> Any:
    return TracingClient(tracking_uri(settings)).get_trace(trace_name(answer.id))


def ratings(trace: Any) -> list[tuple[bool, str | None]]:
    return [(a.value, a.rationale) for a in trace.info.assessments if a.valid]


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


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
    assert set(spans) == {"answer", *(stage.name for stage in answer.stages)}
    root = spans["answer"]
    assert root.parent_id is None
    assert root.inputs["question"] == "Was bedeutet E-104?"
    assert root.outputs["answer"] == answer.text
    assert root.outputs["citations"][0]["page"] == 41
    for stage in answer.stages:
        span = spans[stage.name]
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
def test_a_thumbs_down_with_a_comment_is_read_back_and_replaced(
    tracer: Tracer, settings: Settings, make_answer: MakeAnswer
) -> None:
    answer, other = make_answer(), make_answer("Wie oft ist das Öl zu wechseln?")
    record(tracer, answer)
    record(tracer, other)
    tracer.rate(
        f"run-{answer.id}", 0, reason="wrong_value", comment="25 Nm, nicht 30", pseudonym=ANNA
    )
    assert tracer.flush(WAIT_S)
    trace = read(settings, answer)
    assert ratings(trace) == [(False, "25 Nm, nicht 30")]
    (assessment,) = trace.info.assessments
    assert assessment.name == "user_rating"
    assert assessment.source.source_type == "HUMAN"
    assert assessment.source.source_id == ANNA
    assert assessment.metadata["reason"] == "wrong_value"
    assert ratings(read(settings, other)) == []

    tracer.rate(answer.id, 1, pseudonym=ANNA)
    assert tracer.flush(WAIT_S)
    assert ratings(read(settings, answer)) == [(True, None)]

    tracer.withdraw(answer.id, pseudonym=ANNA)
    assert tracer.flush(WAIT_S)
    assert read(settings, answer).info.assessments == []


@pytest.mark.slow
def test_without_mlflow_everything_goes_on_and_is_written_when_it_is_back(
    tracer: Tracer, settings: Settings, engine: Engine, make_answer: MakeAnswer, log: LogWatch
) -> None:
    obstacle = settings.data_dir / "mlflow.db"
    obstacle.mkdir()  # a folder where the database should be: nothing can be opened
    answer = make_answer()
    record(tracer, answer)
    tracer.rate(answer.id, 0, comment="falsch", pseudonym=ANNA)
    assert log.wait_for(AWAY, count=3)
    assert [r.levelname for r in log.records] == ["WARNING", *["DEBUG"] * (len(log.records) - 1)]
    assert rows(engine, "SELECT value, comment, exported_at FROM ratings") == [(0, "falsch", None)]
    tracer.rate(answer.id, 1, comment="doch richtig", pseudonym=ANNA)
    obstacle.rmdir()
    assert tracer.flush(WAIT_S)
    assert ratings(read(settings, answer)) == [(True, "doch richtig")]
    assert log.wait_for("reached again")


@pytest.mark.slow
@pytest.mark.parametrize("server", ["refuses", "hangs"])
def test_a_server_that_does_not_answer_holds_nobody_up(
    server: str,
    settings: Settings,
    engine: Engine,
    make_answer: MakeAnswer,
    log: LogWatch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    listener = socket.create_server(("127.0.0.1", 0))  # takes connections, and says nothing
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    if server == "refuses":
        listener.close()
    tracer = Tracer(
        settings.model_copy(update={"mlflow_tracking_uri": address}),
        Ledger(engine),
        first_wait_s=0.05,
        longest_wait_s=0.05,
    )
    answer = make_answer()
    record(tracer, answer)
    tracer.rate(answer.id, 0, comment="falsch", pseudonym=ANNA)
    assert log.wait_for(AWAY, count=2)
    started = time.perf_counter()
    for number in range(20):
        record(tracer, make_answer(f"Frage {number}"))
    assert time.perf_counter() - started < 1
    assert sum(r.levelname == "WARNING" for r in log.records) == 1
    tracer.close()
    listener.close()
    assert rows(engine, "SELECT count(*) FROM pending_traces") == [(21,)]
    assert rows(engine, "SELECT value, comment FROM ratings") == [(0, "falsch")]


@pytest.mark.slow
def test_the_event_loop_does_not_notice_a_trace(
    tracer: Tracer, settings: Settings, make_answer: MakeAnswer
) -> None:
    """Once warm, the longest hold-up of the loop while 50 answers are traced stays short."""
    record(tracer, make_answer())
    assert tracer.flush(WAIT_S)

    async def longest_pause_s() -> float:
        longest = 0.0
        for number in range(50):
            record(tracer, make_answer(f"Frage {number}"))
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - before - 0.01)
        return longest

    pause = asyncio.run(longest_pause_s())
    assert tracer.flush(WAIT_S)
    assert pause < 0.25


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
def test_what_waited_is_written_by_the_next_start(
    settings: Settings, engine: Engine, make_answer: MakeAnswer
) -> None:
    obstacle = settings.data_dir / "mlflow.db"
    obstacle.mkdir()
    answer = make_answer()
    first = Tracer(settings, Ledger(engine))
    record(first, answer)
    first.rate(answer.id, 0, comment="falsch", pseudonym=ANNA)
    first.close()
    obstacle.rmdir()

    second = Tracer(settings, Ledger(engine))
    second.warm_up()
    assert second.flush(WAIT_S)
    second.close()
    assert ratings(read(settings, answer)) == [(False, "falsch")]


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


def test_somebody_elses_answer_cannot_be_rated(
    settings: Settings, engine: Engine, make_answer: MakeAnswer
) -> None:
    tracer = Tracer(settings.model_copy(update={"tracing": False}), Ledger(engine))
    answer = make_answer()
    record(tracer, answer, who=ANNA)
    tracer.rate(answer.id, 1, pseudonym=ANNA)
    with pytest.raises(NotAllowed, match="not_yours"):
        tracer.rate(answer.id, 0, comment="Unfug", pseudonym=BERT)
    with pytest.raises(NotAllowed, match="not_yours"):
        tracer.withdraw(f"run-{answer.id}", pseudonym=BERT)
    with pytest.raises(RagError, match="answer_unknown"):
        tracer.rate("no such answer", 1, pseudonym=ANNA)
    with pytest.raises(ValueError, match="0 or 1"):
        tracer.rate(answer.id, 7, pseudonym=ANNA)
    tracer.close()
    assert rows(engine, "SELECT value, comment, pseudonym FROM ratings") == [(1, "", ANNA)]


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


def test_record_does_not_wait_for_the_database(
    settings: Settings, engine: Engine, make_answer: MakeAnswer
) -> None:
    tracer = Tracer(settings.model_copy(update={"tracing": False}), Ledger(engine))
    blocker = sqlite3.connect(settings.data_dir / "millwright.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    started = time.perf_counter()
    answers = [make_answer(f"Frage {i}") for i in range(600)]
    for answer in answers:
        record(tracer, answer)
    assert time.perf_counter() - started < 2
    blocker.execute("ROLLBACK")
    blocker.close()
    tracer.close()
    kept = rows(engine, "SELECT question FROM answers")
    # 500 waited in memory; those beyond were let go of, and the log said so.
    assert 500 <= len(kept) < 600
    assert kept[0] == ("Frage 0",)


def test_the_backlog_is_bounded_and_keeps_the_newest(
    engine: Engine, settings: Settings, make_answer: MakeAnswer, caplog: pytest.LogCaptureFixture
) -> None:
    from rag.observe.trace import trace_of

    ledger = Ledger(engine, max_pending=5)
    answers = [make_answer(f"Frage {i}") for i in range(8)]
    for answer in answers:
        trace = trace_of(answer, pseudonym=ANNA, thread_id="t")
        ledger.add(answer, pseudonym=ANNA, thread_id="t", run_id=None, trace=trace)
    assert ledger.waiting() == 5
    oldest = ledger.oldest_trace()
    assert oldest is not None
    assert oldest.answer_id == answers[3].id
    assert "dropped" in caplog.text
    assert len(rows(engine, "SELECT id FROM answers")) == 8


def test_stages_timed_by_the_monotonic_clock_are_moved_to_the_present(
    make_answer: MakeAnswer,
) -> None:
    from rag.observe.trace import Trace, trace_of

    started = time.perf_counter_ns()
    answer = make_answer(stages=(Stage("bm25", started, started + 5_000_000),))
    trace = trace_of(answer, pseudonym=ANNA, thread_id="t")
    span = trace.spans[1]
    assert span.ended_ns - span.started_ns == 5_000_000
    assert abs(span.started_ns - time.time_ns()) < 5_000_000_000
    assert Trace.from_json(trace.to_json()) == trace


@pytest.mark.slow
def test_ratings_from_many_threads_end_as_the_last_one_said(
    tracer: Tracer, settings: Settings, engine: Engine, make_answer: MakeAnswer
) -> None:
    answer = make_answer()
    record(tracer, answer)
    threads = [
        threading.Thread(target=tracer.rate, args=(answer.id, i % 2), kwargs={"pseudonym": ANNA})
        for i in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tracer.flush(WAIT_S)
    ((value,),) = rows(engine, "SELECT value FROM ratings")
    assert ratings(read(settings, answer)) == [(bool(value), None)]
