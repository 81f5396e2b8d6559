"""The quick way to the best passages finds what scoring every passage finds, in both backends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.harness import GOLD
from rag.retrieve.bm25 import Bm25, Postings, filed
from rag.retrieve.glossary import load_glossary
from rag.retrieve.keywords import KeywordIndex
from rag.retrieve.ranking import Passages, Ranking
from rag.retrieve.snapshot import Tuning
from rag.retrieve.terms import Alternative, Group
from rag.settings import Settings
from rag.store.database import open_database
from rag.store.library import Library
from rag.store.vectors import VectorIndex, open_vectors
from rag.types import Scope
from tests.served import copy_data

EVERYTHING = 1_000_000
TERMS = st.sampled_from("abcdefgh")
SHARES = st.sampled_from([0.3, 0.5, 1.0])
WORDS = st.lists(st.tuples(TERMS, SHARES), min_size=1, max_size=3).map(tuple)
ALTERNATIVES = st.builds(Alternative, st.lists(WORDS, min_size=1, max_size=2).map(tuple), SHARES)
GROUPS = st.lists(
    st.builds(
        Group, st.just("word"), st.lists(ALTERNATIVES, min_size=1, max_size=3), weight=SHARES
    ),
    min_size=1,
    max_size=3,
)
PASSAGES = st.lists(
    st.tuples(
        st.lists(TERMS, min_size=1, max_size=12), *(st.integers(0, most) for most in (9, 2, 5))
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)
@given(PASSAGES, GROUPS, st.integers(1, 6))
def test_nothing_better_is_left_out(
    listed: list[tuple[list[str], int, int, int]], groups: list[Group], limit: int
) -> None:
    texts, *known = zip(*listed, strict=True)
    pages, kinds, shapes = (np.array(one, np.int32) for one in known)
    bm25 = Bm25.of(texts, k1=1.2, b=0.6)
    postings = Postings(bm25, ["manual"], np.zeros(len(texts), np.int32))
    passages = Passages(pages, kinds.astype(np.int8), shapes.astype(np.uint32))
    priors = np.array([1.0, 1.3, 0.75], np.float32)
    plain, quick = (
        Ranking(bm25, postings, passages, page=0.3, first=first).best(
            groups, {"manual"}, priors, limit
        )
        for first in (EVERYTHING, 1)
    )
    np.testing.assert_allclose(quick.total[quick.best], plain.total[plain.best], rtol=1e-5)
    assert quick.places[quick.best].tolist() == plain.places[plain.best].tolist()


@pytest.fixture(scope="module")
def samples(
    prepared: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Library, Settings, VectorIndex]]:
    """The sample manuals with keywords in the vector store."""
    data_dir = copy_data(prepared[0], tmp_path_factory.mktemp("ranking") / "data")
    chosen = Settings(data_dir=data_dir)
    library, vectors = Library(open_database(chosen)), open_vectors(chosen, None)
    for manual in library.manuals():
        vectors.upsert(library.chunks_of(manual.id), None)
    yield library, chosen, vectors
    vectors.close()


@pytest.mark.slow
def test_every_gold_question_finds_the_same_in_both_backends(
    samples: tuple[Library, Settings, VectorIndex],
) -> None:
    library, chosen, vectors = samples

    def index(backend: str, first: int) -> KeywordIndex:
        return KeywordIndex(
            library,
            settings=chosen.model_copy(update={"keyword_backend": backend}),
            glossary=load_glossary(),
            vectors=vectors,
            tuning=Tuning(first=first),
        )

    plain = index("memory", EVERYTHING).build()
    quick = [index(backend, 20).build() for backend in ("memory", "qdrant")]
    everything = library.active_ids(Scope())
    for line in GOLD.read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        asked = question["question"], question["language"], everything, 20, {"de", "en"}
        expected = plain.search(*asked)
        for snapshot in quick:
            found = snapshot.search(*asked)
            assert found.ids == expected.ids, question["question"]
            assert found.scores == pytest.approx(expected.scores, rel=1e-6)


def test_the_files_of_the_index_may_be_in_memory(tmp_path: Path) -> None:
    parts = [np.array([1, 2]), np.array([3])]
    nowhere = tmp_path / "a file"
    nowhere.write_text("in the way of a folder")
    for folder in (None, tmp_path / "folder", nowhere):
        assert filed(parts, np.int32, folder).tolist() == [1, 2, 3]
    assert list((tmp_path / "folder").iterdir()) == []
