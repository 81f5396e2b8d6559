"""Ratings as MLflow's own client reads them back."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine

from rag.errors import NotAllowed, RagError
from rag.observe.ledger import Ledger
from rag.observe.tracing import Tracer
from rag.settings import Settings
from tests.observe.conftest import (
    ANNA,
    BERT,
    WAIT_S,
    MakeAnswer,
    ratings,
    read,
    record,
    rows,
)


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
