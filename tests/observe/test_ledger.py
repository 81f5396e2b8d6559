"""Our own rows of answers and ratings, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import NotAllowed, RagError
from rag.observe.ledger import Ledger
from rag.observe.trace import trace_of
from rag.settings import Settings
from rag.store.database import open_database
from tests.observe.conftest import ANNA, BERT, MakeAnswer
from tests.postgres import on


@pytest.fixture
def ledger(tmp_path: Path, database_url: str) -> Iterator[Ledger]:
    engine = open_database(on(Settings(data_dir=tmp_path), database_url))
    yield Ledger(engine, max_pending=3)
    engine.dispose()


def test_an_answer_from_its_end_to_its_copy(ledger: Ledger, make_answer: MakeAnswer) -> None:
    answer = make_answer(question="Was bedeutet\0 E-104?")
    trace = trace_of(answer, pseudonym=ANNA)
    for _ in range(2):  # the second time it is known
        ledger.add(answer, pseudonym=ANNA, thread_id="t", run_id="run-1", trace=trace)
    assert ledger.waiting() == 1
    [pending] = ledger.oldest_traces(1)
    assert pending.answer_id == answer.id
    ledger.traces_done([(pending, trace.name)])
    assert ledger.waiting() == 0
    assert ledger.oldest_rating() is None


def test_a_rating_is_made_changed_and_copied(ledger: Ledger, make_answer: MakeAnswer) -> None:
    answer = make_answer()
    answer.provenance["cache_key"] = "k1"
    trace = trace_of(answer, pseudonym=ANNA)
    ledger.add(answer, pseudonym=ANNA, thread_id=None, run_id="run-1", trace=trace)
    ledger.rate("run-1", 0, reason="wrong", comment="", pseudonym=ANNA)
    ledger.rate(answer.id, 0, reason="old", comment="seit 2024", pseudonym=ANNA)
    assert ledger.reason_of("run-1", pseudonym=ANNA) == "old"
    assert ledger.reason_of("run-1", pseudonym=BERT) == ""
    assert ledger.cache_key("run-1") == "k1"
    with pytest.raises(NotAllowed):
        ledger.rate("run-1", 1, reason="", comment="", pseudonym=BERT)
    with pytest.raises(RagError):
        ledger.rate("run-2", 1, reason="", comment="", pseudonym=ANNA)
    [pending] = ledger.oldest_traces(1)
    ledger.traces_done([(pending, trace.name)])
    rating = ledger.oldest_rating()
    assert rating is not None
    assert (rating.trace_id, rating.value, rating.comment) == (trace.name, 0, "seit 2024")
    ledger.rating_done(rating, "a-1")
    assert ledger.waiting() == 0


def test_no_more_than_so_many_wait(ledger: Ledger, make_answer: MakeAnswer) -> None:
    answers = [make_answer() for _ in range(5)]
    for answer in answers:
        trace = trace_of(answer, pseudonym=ANNA)
        ledger.add(answer, pseudonym=ANNA, thread_id=None, run_id=None, trace=trace)
    assert ledger.waiting() == 3
    [pending] = ledger.oldest_traces(1)
    assert pending.answer_id == answers[2].id
