"""Rated answers become cases, without who asked, and drafts cannot pass for cases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.answers import NO_OLLAMA
from evals.harness import Bench, build_library
from evals.regressions import cases, main
from evals.run.measure import measure
from evals.run.plan import read_datasets
from rag.models.llm import chat_model
from rag.observe.ledger import Ledger
from rag.store.database import open_database
from tests.evals.conftest import BOOK, QUESTIONS, Material


@pytest.fixture
def rated(material: Material) -> Iterator[Bench]:
    """A library in which one answer was rated bad and one good."""
    bench = build_library(material.manuals, ollama_base_url=NO_OLLAMA)
    bench.llm = chat_model(bench.settings)
    engine = open_database(bench.settings)
    ledger = Ledger(engine)
    for number, value, reason in ((0, 0, "wrong_value"), (2, 1, "")):
        _, answer = asyncio.run(
            measure(QUESTIONS[number], bench, answer_id=f"answer-{number}", machine_chosen=False)
        )
        assert answer is not None
        ledger.add(answer, pseudonym="p-secret", thread_id=None, run_id=None, trace=None)
        ledger.rate(answer.id, value, reason=reason, comment="", pseudonym="p-secret")
    engine.dispose()
    yield bench
    bench.close()


@pytest.mark.slow
def test_a_bad_answer_becomes_a_draft_that_the_gate_refuses(rated: Bench, tmp_path: Path) -> None:
    out = tmp_path / "cases.jsonl"
    data = rated.settings.data_dir
    assert main(["--data", str(data), "--out", str(out)]) == 0
    (draft,) = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert draft["question"] == QUESTIONS[0]["question"]
    assert (draft["manuals"], draft["pages"]) == (None, None)
    assert draft["reason"] == "wrong_value"
    assert BOOK in [name for name, _ in draft["cited"]]
    assert "p-secret" not in out.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="line 1"):
        read_datasets([out])
    # QA names the page; a second export leaves what was done.
    out.write_text(json.dumps(draft | {"manuals": [BOOK], "pages": [2]}) + "\n", encoding="utf-8")
    assert main(["--data", str(data), "--out", str(out)]) == 0
    (case,) = read_datasets([out])
    assert case["pages"] == [2]


@pytest.mark.slow
def test_a_good_answer_is_a_case_at_once(rated: Bench) -> None:
    engine = open_database(rated.settings)
    try:
        found = cases(engine, liked=True)
    finally:
        engine.dispose()
    assert [case["pages"] for case in found] == [None, [1]]
    assert found[1]["manuals"] == [BOOK]


def test_a_folder_without_a_library(tmp_path: Path) -> None:
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out.jsonl")]) == 2
    assert not (tmp_path / "out.jsonl").exists()
