"""An index that grew and shrank with its library is the one that is built of it at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.retrieve.analysed import analyse, key_of, load, piece_of, save
from rag.retrieve.analyzer import Analyzer, pieces
from rag.retrieve.counts import TermCounter
from rag.retrieve.keywords import KeywordIndex
from rag.retrieve.snapshot import Snapshot
from rag.settings import Settings
from rag.store.library import Library
from rag.store.vectors import VectorIndex, open_vectors
from rag.types import Chunk, Language, ManualStatus, Scope
from tests.retrieve.corpus import COMPRESSOR, PRESS, Passage, chunks, manual, open_services

# Each has words that the others' compounds are made of.
MANUALS: dict[str, tuple[Language, list[Passage]]] = {
    "Kompressor": ("de", COMPRESSOR),
    "Press": ("en", PRESS),
    "Pumpe": (
        "de",
        [
            (1, ("Wartung",), "Das Schmalkeilprofil und der Riemensatz: alle 500 h prüfen.", {}),
            (2, ("Wartung",), "Anzug und Drehmoment der Verschraubung M8x1,25: 25 Nm.", {}),
            (2, (), "Check the oil and the air-filter. Not in the list of parts.", {}),
        ],
    ),
    "Säge": (
        "de",
        [
            (1, (), "Betrieb, Stunden, Druck; Öl-Wechsel nach 2000 Betriebsstunden.", {}),
            (3, ("Daten", "Öl"), "Überdruckventil 6,5 bar | ½ Zoll | 4711-0815-B", {}),
        ],
    ),
}
QUESTIONS = ["Riemen prüfen", "Drehmoment der Schrauben", "Welcher Druck?", "oil change hours"]
STEPS = st.lists(st.sampled_from(sorted(MANUALS)), min_size=3, max_size=6)


def turn(library: Library, name: str) -> None:
    """Publish a manual; the next time disable it, then enable it, then remove it."""
    language, passages = MANUALS[name]
    added = manual(name, language, chunks=len(passages))
    known = library.manual(added.id)
    if known is None:
        library.add(added, [], chunks(added, passages))
        library.publish(added.id)
    elif known.status is ManualStatus.DISABLED:
        library.enable(added.id)
    elif ord(added.id[0]) % 2:
        library.disable(added.id)
    else:
        library.remove(added.id)


def answers(snapshot: Snapshot, library: Library) -> list[Any]:
    ids = library.active_ids(Scope())
    return [
        (found.ids, found.scores, found.unknown, found.weights)
        for question in QUESTIONS
        for found in [snapshot.search(question, "de", ids, 10, {"de", "en"})]
    ]


@settings(deadline=None, max_examples=4)
@given(STEPS)
def test_any_order_of_changes_gives_the_same_index(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        services = open_services(Path(folder) / "library")
        for name in steps:
            turn(services.library, name)
            grown = services.keywords.build()
            elsewhere = Settings(data_dir=Path(folder) / f"{grown.version} {name}")
            whole = KeywordIndex(
                services.library, settings=elsewhere, glossary=services.glossary
            ).build()
            assert list(grown._bm25.terms) == list(whole._bm25.terms)
            assert answers(grown, services.library) == answers(whole, services.library)


@settings(deadline=None, max_examples=2)
@given(STEPS)
def test_only_what_changed_is_written_to_the_vector_store(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        services = open_services(Path(folder) / "grown", keyword_backend="qdrant")
        library, elsewhere = services.library, open_services(Path(folder) / "whole")
        vectors = open_vectors(services.settings, None)
        keywords = KeywordIndex(
            library, settings=services.settings, glossary=services.glossary, vectors=vectors
        )
        for name in steps:
            turn(library, name)
            upsert(vectors, library)
            grown = answers(keywords.build(), library)
        again = open_vectors(elsewhere.settings, None)
        upsert(again, library)
        library.state_set("keywords_written", "")
        whole = KeywordIndex(
            library, settings=services.settings, glossary=services.glossary, vectors=again
        ).build()
        assert grown == answers(whole, library)
        vectors.close()
        again.close()


def upsert(vectors: VectorIndex, library: Library) -> None:
    present = vectors.counts()
    for one in library.manuals():
        if one.id not in present:
            vectors.upsert(library.chunks_of(one.id), None)
    for manual_id in present.keys() - {one.id for one in library.manuals()}:
        vectors.remove(manual_id)


class Unread(Library):
    """A library whose passages must not be read."""

    def chunks_of(self, manual_id: str) -> list[Chunk]:
        raise AssertionError("the passages were read again")


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Any]:
    services = open_services(tmp_path)
    for name in MANUALS:
        turn(services.library, name)
    yield services


def test_a_start_reads_no_passage(filled: Any) -> None:
    former = answers(filled.keywords.build(), filled.library)
    unread = Unread(filled.library._writes)
    started = KeywordIndex(unread, settings=filled.settings, glossary=filled.glossary)
    assert answers(started.build(), filled.library) == former


def test_a_damaged_file_is_made_anew(filled: Any) -> None:
    former = answers(filled.keywords.build(), filled.library)
    for number, path in enumerate(sorted(filled.settings.data_dir.glob("cache/keywords/*.npz"))):
        path.write_bytes([b"", b"PK\x03\x04", path.read_bytes()[:900], b"nothing"][number])
    assert answers(filled.keywords.build(), filled.library) == former
    assert answers(filled.keywords.build(), filled.library) == former


def test_files_go_with_their_manuals(filled: Any) -> None:
    filled.keywords.build()
    first = filled.library.manuals()[0]
    filled.library.remove(first.id)
    filled.keywords.build()
    names = [path.name for path in filled.settings.data_dir.glob("cache/keywords/*")]
    assert len(names) == len(MANUALS) - 1
    assert not any(name.startswith(first.id) for name in names)


def test_memory_answers_until_the_vector_store_has_all_passages(filled: Any) -> None:
    """After a change of the embedding model its collection is empty for a while."""
    services = filled
    chosen = services.settings.model_copy(update={"keyword_backend": "qdrant"})
    vectors = open_vectors(chosen, None)
    keywords = KeywordIndex(
        services.library, settings=chosen, glossary=services.glossary, vectors=vectors
    )
    expected = answers(services.keywords.build(), services.library)
    assert answers(keywords.build(), services.library) == expected
    upsert(vectors, services.library)
    found = answers(keywords.build(), services.library)
    assert [one[0] for one in found] == [one[0] for one in expected]
    assert sum(vectors.counts(with_keywords=True).values()) == sum(vectors.counts().values())
    for one in services.library.manuals():  # made anew, without weights
        vectors.remove(one.id)
    upsert(vectors, services.library)
    assert answers(keywords.build(), services.library) == found
    vectors.close()


@given(st.lists(st.text(max_size=40), max_size=4))
@settings(deadline=None, max_examples=40)
def test_kept_pieces_give_the_terms_of_the_text(texts: list[str]) -> None:
    owner = manual("Kompressor", "de")
    passages = [
        replace(chunk, text=text.encode(errors="ignore").decode())
        for chunk, text in zip(chunks(owner, COMPRESSOR), texts, strict=False)
    ]
    for passage in passages:
        for piece in pieces(passage.text):
            assert piece_of(key_of(piece)) == piece
    analysed = analyse(owner.id, passages)
    analyzer = Analyzer()
    counter = TermCounter(analyzer, heading=2)
    counts = counter.count(analysed)
    names = list(counter.terms)
    for number, passage in enumerate(passages):
        expected = analyzer.terms(" / ".join(passage.heading), "de") * 2
        expected += analyzer.terms(passage.text, "de")
        row = counts.documents == number
        found = {
            names[term]: int(count)
            for term, count in zip(counts.terms[row], counts.counts[row], strict=True)
        }
        assert found == {term: expected.count(term) for term in expected}
        assert counts.lengths[number] == len(expected)


def test_a_file_gives_back_what_was_kept(tmp_path: Path) -> None:
    owner = manual("Kompressor", "de")
    analysed = analyse(owner.id, list(chunks(owner, COMPRESSOR)))
    save(tmp_path / "kept.npz", analysed)
    again = load(tmp_path / "kept.npz", owner.id)
    assert again is not None
    assert again.keys() == analysed.keys()
    np.testing.assert_array_equal(again.columns, analysed.columns)
    assert load(tmp_path / "missing.npz", owner.id) is None
