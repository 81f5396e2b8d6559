"""The verdict's weights are fitted from questions, without a reranker and for the one at hand."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from evals.harness import build_library
from evals.retrieval import read_dataset
from evals.tuning import fit_all
from rag.models.reranker import load_reranker
from rag.retrieve.verdict import Evidence, confidence, judge
from rag.settings import Settings
from tests.evals.conftest import QUESTIONS, Material, question
from tests.stand_in.reranker import NAME, build_reranker

pytestmark = pytest.mark.slow

NOT_THERE = [
    "Wie lang ist das Netzkabel?",
    "Welche Farbe hat der Rahmen?",
    "Wer liefert das Hydrauliköl?",
    "Wie schwer ist der Stößel?",
]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    there = [row for row in QUESTIONS if row["pages"] and "Fehler" not in row["question"]]
    absent = [question(20 + n, text, [], None) for n, text in enumerate(NOT_THERE)]
    path = tmp_path / "tuning.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in [*there, *absent]), encoding="utf-8")
    return path


def test_a_reranker_gets_weights_of_its_own(
    material: Material, questions: Path, tmp_path: Path
) -> None:
    build_reranker(tmp_path / "models", languages=("de", "en"))
    reranker = load_reranker(Settings(models_dir=tmp_path / "models"))
    bench = build_library(material.manuals, hyde="never")
    try:
        known = fit_all(replace(bench, reranker=reranker), read_dataset(questions))
    finally:
        bench.close()

    alone, ranked = known["without_reranker"], known["rerankers"][NAME]
    names = set(asdict(Evidence()))
    assert names - {"rerank"} == set(alone) - {"bias", "absent", "weak"}
    assert names == set(ranked) - {"bias", "absent", "weak"}
    assert ranked["rerank"] > 0  # a higher logit speaks for an answer
    for model in (alone, ranked):
        assert 0 <= model["absent"] <= model["weak"] <= 1

    seen = Evidence(gap=0.5, rerank=4.0)
    assert judge(seen, NAME, known)[1] == confidence(seen.features(), ranked)
    assert judge(replace(seen, rerank=-8.0), NAME, known)[1] < judge(seen, NAME, known)[1]
    assert judge(seen, "another model", known)[1] == confidence(seen.features(), alone)
