"""The embedder as the app uses it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag.models.embedder import Embedder, load_embedder
from rag.settings import Settings

pytestmark = pytest.mark.slow


def test_vectors_have_length_one(embedder: Embedder) -> None:
    vectors = np.array(embedder.embed_documents(["Tighten to 25 Nm.", "", "ölig"]))
    assert vectors.shape == (3, embedder.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_near_in_meaning_is_near(embedder: Embedder) -> None:
    question = np.array(embedder.embed_query("How often must the oil filter be changed?"))
    passages = np.array(
        embedder.embed_documents(
            [
                "Replace the filter element for oil every 500 hours of operation.",
                "The emergency stop button is red and sits on the control panel.",
                "Dimensions: 1200 mm wide, 800 mm deep.",
            ]
        )
    )
    near, *far = passages @ question
    assert near > 0.5
    assert near > max(far) + 0.3


def test_a_batch_gives_what_single_texts_give(embedder: Embedder) -> None:
    texts = ["Open the valve.", "Close the valve and wait until the pressure has dropped. " * 8]
    assert embedder.embed_documents(texts) == [
        embedder.embed_documents([text])[0] for text in texts
    ]


def test_threads_get_what_one_alone_gets(embedder: Embedder) -> None:
    texts = [f"Fault {number}: pressure of pump {number % 7} too low" for number in range(40)]
    alone = [embedder.embed_query(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(embedder.embed_query, texts)) == alone


def test_long_texts_are_cut_where_the_model_ends(embedder: Embedder) -> None:
    long = "pressure " * 254  # with the two marks of the model: 256 tokens
    cut, longer = embedder.embed_documents([long, f"{long} and much more about something else"])
    assert cut == longer
    shorter = embedder.embed_documents([long.removesuffix("pressure ")])[0]
    assert shorter != cut


def test_the_model_is_known_for_what_it_is(embedder: Embedder) -> None:
    assert embedder.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert embedder.languages == {"en"}
    assert embedder.dimension == 384
    assert len(embedder.fingerprint) == 16


def test_a_second_load_is_the_same_model(models_dir: Path, embedder: Embedder) -> None:
    again = load_embedder(Settings(models_dir=models_dir, embedding_model="all-MiniLM-L6-v2"))
    assert again is not None
    assert again.fingerprint == embedder.fingerprint
    assert again.embed_query("oil") == embedder.embed_query("oil")


@pytest.mark.parametrize("wish", ["none", "BAAI/bge-small-en-v1.5", "no-such-model"])
def test_what_is_not_there_is_none(tmp_path: Path, wish: str) -> None:
    assert load_embedder(Settings(models_dir=tmp_path, embedding_model=wish)) is None


def test_nothing_prepared_is_none(tmp_path: Path) -> None:
    assert load_embedder(Settings(models_dir=tmp_path / "missing")) is None


def test_importing_it_loads_no_runtime() -> None:
    code = (
        "import sys, rag.models.embedder, rag.models.reranker, rag.models.llm;"
        "print([name for name in ('onnxruntime', 'fastembed', 'onnx', 'huggingface_hub',"
        " 'langchain_ollama') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_question_asked_again_has_the_same_vector(embedder: Embedder) -> None:
    first = embedder.embed_query("How is the oil changed?")
    again = embedder.embed_query("How is the oil changed?")
    first[0] = 99.0  # whoever changes its list changes nobody else's

    assert embedder.embed_query("How is the oil changed?") == again
    assert again[0] != 99.0
