"""The reranker, with the cross-encoder that the tests build."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.models.reranker import Reranker, load_reranker
from rag.settings import Settings
from tests.stand_in.reranker import NAME, build_reranker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reranker")
    assert build_reranker(folder) == NAME
    return folder


@pytest.fixture(scope="module")
def reranker(folder: Path) -> Reranker:
    reranker = load_reranker(Settings(models_dir=folder))
    assert reranker is not None
    return reranker


def test_the_passage_that_answers_wins(reranker: Reranker) -> None:
    scores = reranker.scores(
        "How often must the oil filter be changed?",
        [
            "Fault 104: oil temperature too high. Clean the cooler.",
            "Replace the oil filter every 500 operating hours.",
            "Tighten the bolts to 25 Nm.",
        ],
    )
    assert scores[1] > max(scores[0], scores[2]) + 2
    assert scores[1] > 0 > scores[2]


def test_order_and_company_do_not_matter(reranker: Reranker) -> None:
    passages = ["The pressure is 8 bar.", "Oil the chain. " * 60, "Emergency stop"]
    scores = reranker.scores("Which pressure?", passages)
    backwards = reranker.scores("Which pressure?", passages[::-1])
    assert scores == backwards[::-1]
    assert scores[1:2] == reranker.scores("Which pressure?", passages[1:2])


def test_nothing_to_rank(reranker: Reranker) -> None:
    assert reranker.scores("Which pressure?", []) == []


def test_long_passages_are_cut(reranker: Reranker) -> None:
    long = "The pressure of the pump is too low. " * 200
    assert reranker.scores("pressure", [long]) == reranker.scores("pressure", [long + "More."])


def test_it_is_the_size_of_the_real_one(reranker: Reranker, folder: Path) -> None:
    size = sum(path.stat().st_size for path in (folder / "cosine-MiniLM-L6").iterdir())
    assert 20e6 < size < 30e6
    assert reranker.languages == {"en"}


@pytest.mark.parametrize("wish", ["none", "Xenova/ms-marco-MiniLM-L-6-v2"])
def test_another_wish_is_not_met_by_it(folder: Path, wish: str) -> None:
    assert load_reranker(Settings(models_dir=folder, reranker_model=wish)) is None
