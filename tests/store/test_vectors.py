from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient

from rag.errors import StoreDown
from rag.settings import Settings
from rag.store.library import Library
from rag.store.vectors import VectorIndex, embedded_text, open_vectors
from rag.types import Chunk, Scope
from tests.stand_in.qdrant import QdrantStandIn
from tests.store.fake_embedder import WordEmbedder
from tests.store.samples import make_chunks, make_manual, make_pages


@pytest.fixture(params=["engine", "qdrant client", "server"])
def vectors(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path
) -> Iterator[VectorIndex]:
    """The engine in process, Qdrant's own client on its own, and the same over HTTP."""
    embedder: Any = WordEmbedder()
    with ExitStack() as stack:
        if request.param == "engine":
            index = open_vectors(settings, embedder)
        elif request.param == "server":
            server = stack.enter_context(QdrantStandIn(tmp_path / "qdrant"))
            there = settings.model_copy(update={"qdrant_url": server.url})
            index = open_vectors(there, embedder)
        else:
            index = VectorIndex(QdrantClient(":memory:"), embedder)
        yield index
        index.close()


# Qdrant's client says so of its local mode, which stands in for a server here.
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


def fill(index: VectorIndex, library: Library, *names: str) -> list[str]:
    """Publish a manual of each name, on machines of their own; returns the ids."""
    ids = []
    for name in names:
        manual = make_manual(name, machine=name)
        chunks = make_chunks(manual)
        library.add(manual, make_pages(manual), chunks)
        index.upsert(chunks, index.embed(chunks))
        library.publish(manual.id)
        ids.append(manual.id)
    return ids


def query(chunk: Chunk) -> list[float]:
    return WordEmbedder().embed_query(embedded_text(chunk))


def test_the_nearest_passage_comes_first_and_only_from_the_manuals_named(
    vectors: VectorIndex, library: Library
) -> None:
    first, second = fill(vectors, library, "A", "B")
    wanted = library.chunks_of(first)[2]
    hits = vectors.search(query(wanted), [first, second], 3)
    assert hits[0] == (wanted.id, pytest.approx(1.0, abs=1e-5))
    assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)
    others = {chunk.id for chunk in library.chunks_of(second)}
    assert {chunk_id for chunk_id, _ in vectors.search(query(wanted), [second], 10)} == others
    assert vectors.search(query(wanted), [], 3) == []


def test_keyword_weights_are_multiplied_and_nothing_is_added(
    vectors: VectorIndex, library: Library
) -> None:
    [manual_id] = fill(vectors, library, "A")
    ids = [chunk.id for chunk in library.chunks_of(manual_id)]
    assert vectors.search_keywords([7], [1.0], [manual_id], 5) == []
    vectors.upsert_keywords(ids[:2], [([7, 9], [1.5, 1.0]), ([9], [3.0])])
    hits = vectors.search_keywords([7, 9], [2.0, 0.5], [manual_id], 5)
    assert hits == [(ids[0], pytest.approx(3.5)), (ids[1], pytest.approx(1.5))]
    assert vectors.search_keywords([7, 9], [2.0, 0.5], [manual_id], 5, 1.6) == hits[:1]
    assert vectors.search_keywords([7], [1.0], ["another"], 5) == []
    assert vectors.search(query(library.chunks_of(manual_id)[0]), [manual_id], 9), "dense stays"


def test_removing_and_sweeping_leave_the_others_alone(
    vectors: VectorIndex, library: Library
) -> None:
    first, second = fill(vectors, library, "A", "B")
    orphan = make_chunks(make_manual("never stored"))
    vectors.upsert(orphan, vectors.embed(orphan))
    assert vectors.counts() == {first: 4, second: 4, orphan[0].manual_id: 4}
    vectors.sweep(library)
    assert vectors.counts() == {first: 4, second: 4}
    vectors.remove(first)
    assert vectors.counts() == {second: 4}


def test_a_point_carries_what_langchains_store_expects(
    vectors: VectorIndex, library: Library
) -> None:
    [manual_id] = fill(vectors, library, "A")
    chunk = library.chunks_of(manual_id)[1]
    assert vectors.store is not None
    [document] = vectors.store.similarity_search(embedded_text(chunk), k=1)
    assert document.page_content == chunk.text
    assert document.metadata["chunk_id"] == chunk.id
    assert document.metadata["manual_id"] == manual_id


def test_another_embedding_model_reindexes_and_never_sees_the_old_vectors(
    settings: Settings, library: Library
) -> None:
    old = open_vectors(settings, WordEmbedder(seed=0))  # type: ignore[arg-type]
    first, second = fill(old, library, "A", "B")
    assert not old.needs_reindex(library)
    old.close()

    new = open_vectors(settings, WordEmbedder(seed=1, dimension=48))  # type: ignore[arg-type]
    assert new.collection != old.collection
    assert {manual.id for manual in new.unindexed(library)} == {first, second}
    assert new.search([0.1] * 48, [first, second], 5) == []

    progress: list[tuple[int, int]] = []
    assert new.reindex(library, lambda done, total: progress.append((done, total))) == 8
    assert progress[-1] == (8, 8)
    assert not new.needs_reindex(library)
    wanted = library.chunks_of(second)[3]
    vector = WordEmbedder(seed=1, dimension=48).embed_query(embedded_text(wanted))
    assert new.search(vector, library.active_ids(Scope()), 1)[0][0] == wanted.id
    names = [collection.name for collection in new.client.get_collections().collections]
    assert names == [new.collection], "the old model's vectors are gone"
    new.close()


def test_an_interrupted_reindex_goes_on_where_it_was(settings: Settings, library: Library) -> None:
    old = open_vectors(settings, WordEmbedder(seed=0))  # type: ignore[arg-type]
    fill(old, library, "A", "B", "C")
    old.close()
    new = open_vectors(settings, WordEmbedder(seed=1))  # type: ignore[arg-type]

    def stop(done: int, total: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        new.reindex(library, stop)
    new.close()
    again = open_vectors(settings, WordEmbedder(seed=1))  # type: ignore[arg-type]
    assert len(again.unindexed(library)) == 1
    assert again.reindex(library, lambda done, total: None) == 4
    assert not again.needs_reindex(library)
    again.close()


def test_without_an_embedder_keywords_still_work(settings: Settings, library: Library) -> None:
    index = open_vectors(settings, None)
    [manual_id] = fill(index, library, "A")
    ids = [chunk.id for chunk in library.chunks_of(manual_id)]
    assert not index.has_vectors
    assert index.store is None
    assert index.search([1.0], [manual_id], 3) == []
    index.upsert_keywords(ids, [([number], [1.0]) for number in range(4)])
    assert index.search_keywords([2], [1.0], [manual_id], 3) == [(ids[2], 1.0)]
    index.close()


def test_a_server_that_does_not_answer_is_said_clearly_and_only_when_needed(
    tmp_path: Path,
) -> None:
    embedder: Any = WordEmbedder()
    settings = Settings(data_dir=tmp_path, qdrant_url="http://127.0.0.1:9")
    index = open_vectors(settings, embedder)
    with pytest.raises(StoreDown) as caught:
        index.search([0.1] * 32, ["a"], 3)
    assert (caught.value.key, caught.value.retryable) == ("error.qdrant_down", True)
    index.close()
