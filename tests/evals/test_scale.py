from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from evals.scale import spread
from evals.synthetic import CHUNKS_PER_MANUAL, ClusterEmbedder, Writer

REPOSITORY = Path(__file__).parents[2]


def test_two_writers_write_the_same_and_as_much_as_asked() -> None:
    first, second = (list(Writer().manuals(CHUNKS_PER_MANUAL + 30)) for _ in range(2))
    assert first == second
    assert [len(chunks) for _, _, chunks in first] == [CHUNKS_PER_MANUAL, 30]
    assert [manual.language for manual, _, _ in first] == ["de", "en"]
    ids = {chunk.id for _, _, chunks in first for chunk in chunks}
    assert len(ids) == CHUNKS_PER_MANUAL + 30
    assert all(manual.pages == len(pages) for manual, pages, _ in first)


def test_questions_ask_for_words_that_the_passages_have() -> None:
    words = {
        word for _, _, chunks in Writer().manuals(2000) for c in chunks for word in c.text.split()
    }
    questions = Writer().questions(20)
    assert questions == Writer().questions(20)
    known = [any(word.strip("?.") in words for word in text.split()[3:]) for text in questions]
    assert sum(known) >= 15


def test_vectors_have_length_one_and_stand_in_clusters() -> None:
    embedder = ClusterEmbedder()
    texts = [chunk.text for _, _, chunks in islice(Writer().manuals(50), 1) for chunk in chunks]
    vectors = embedder.embed_documents(texts)
    for vector in vectors:
        assert sum(value * value for value in vector) == pytest.approx(1.0)
    start = "the very same beginning"
    near, far = (
        sum(
            a * b
            for a, b in zip(embedder.embed_query(start), embedder.embed_query(other), strict=True)
        )
        for other in (start + " and more", "something else altogether")
    )
    assert near > 0.4 > abs(far)


def test_spread_names_the_middle_and_the_slow_end() -> None:
    assert spread([float(n) for n in range(100)]) == {"p50": 50.0, "p95": 95.0, "n": 100}


@pytest.mark.slow
def test_the_command_measures_both_backends(tmp_path: Path) -> None:
    out = tmp_path / "scale.json"
    command = [sys.executable, "-m", "evals.scale", "--chunks", "200", "--queries", "3"]
    subprocess.run([*command, "--json", str(out)], check=True, cwd=REPOSITORY, timeout=300)
    rows = json.loads(out.read_text())["rows"]
    assert [(row["chunks"], row["backend"]) for row in rows] == [(200, "memory"), (200, "qdrant")]
    for row in rows:
        assert {"total", "cpu", "bm25", "dense", "fused"} <= row["ms"].keys()
        assert row["ms"]["total"]["n"] == 3
        assert row["memory"]["asked"]["anonymous"] > 0
