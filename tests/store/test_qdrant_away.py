"""A Qdrant server that is killed, fails, comes back: indexing waits for it, questions do not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient

from rag.errors import StoreDown
from rag.settings import Settings
from rag.store.patience import PATIENT_S, Patience
from rag.store.points import make_collection
from rag.store.vectors import VectorIndex, open_vectors
from tests.stand_in.qdrant import QdrantStandIn
from tests.store.fake_embedder import WordEmbedder
from tests.store.samples import make_chunks, make_manual

MANUAL = make_manual("A")
CHUNKS = make_chunks(MANUAL)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QdrantStandIn]:
    with QdrantStandIn(tmp_path / "qdrant") as running:
        yield running


@pytest.fixture
def index(server: QdrantStandIn, settings: Settings) -> Iterator[VectorIndex]:
    there = settings.model_copy(update={"qdrant_url": server.url})
    opened = open_vectors(there, WordEmbedder())  # type: ignore[arg-type]
    opened.patience = Patience(is_remote=True, patient_s=(0.1,) * 50)
    yield opened
    opened.close()


def search(index: VectorIndex) -> list[tuple[str, float]]:
    return index.search(WordEmbedder().embed_query("Druck"), [MANUAL.id], 3)


def fill(index: VectorIndex) -> None:
    index.upsert(CHUNKS, index.embed(CHUNKS))


def test_indexing_waits_for_a_server_that_comes_back(
    server: QdrantStandIn, index: VectorIndex
) -> None:
    fill(index)
    server.stop()
    working = threading.Thread(target=fill, args=(index,))
    working.start()
    while not index.patience.is_away:
        working.join(0.01)

    server.start()
    working.join(10)

    assert not working.is_alive()
    assert index.counts() == {MANUAL.id: len(CHUNKS)}
    assert not index.patience.is_away


def test_a_question_is_refused_at_once_while_the_server_is_known_to_be_away(
    server: QdrantStandIn, index: VectorIndex
) -> None:
    fill(index)
    server.failing = 503
    with pytest.raises(StoreDown) as first:
        search(index)
    asked = len(server.history)

    with pytest.raises(StoreDown) as second:
        search(index)

    assert (first.value.key, first.value.retryable) == ("error.qdrant_down", True)
    assert second.value.key == "error.qdrant_down"
    assert len(server.history) == asked


def test_one_bad_moment_costs_a_question_nothing(server: QdrantStandIn, index: VectorIndex) -> None:
    fill(index)
    server.failing, server.failing_calls = 503, 1

    assert search(index)


def test_what_the_server_will_never_take_is_not_tried_again(
    server: QdrantStandIn, index: VectorIndex
) -> None:
    fill(index)
    server.failing = 400
    asked = len(server.history)

    with pytest.raises(StoreDown) as refused:
        fill(index)

    assert not refused.value.retryable
    assert len(server.history) == asked + 1


def test_a_server_without_its_data_gets_the_collection_again(
    server: QdrantStandIn, index: VectorIndex, tmp_path: Path
) -> None:
    fill(index)
    server.stop()
    server.folder = tmp_path / "another"
    server.start()

    with pytest.raises(StoreDown):
        search(index)
    fill(index)

    assert index.counts() == {MANUAL.id: len(CHUNKS)}


def test_shutting_down_ends_the_waiting(server: QdrantStandIn, index: VectorIndex) -> None:
    fill(index)
    server.stop()
    index.patience = Patience(is_remote=True, patient_s=(60.0,))
    failed = threading.Event()

    def work() -> None:
        try:
            fill(index)
        except StoreDown:
            failed.set()

    working = threading.Thread(target=work)
    working.start()
    index.patience.hurry()

    assert failed.wait(10)
    working.join(10)


def test_the_waits_are_those_that_were_agreed() -> None:
    assert PATIENT_S == (1, 2, 4, 8, 16)


def test_a_collection_that_another_process_made_first_is_taken(server: QdrantStandIn) -> None:
    class Slower(QdrantClient):
        """Looks before the other process has made it, and then makes it, too."""

        looks = 0

        def collection_exists(self, collection_name: str, **more: Any) -> bool:
            self.looks += 1
            return self.looks > 1 and super().collection_exists(collection_name, **more)

    for _ in range(2):
        client = Slower(url=server.url, check_compatibility=False)
        make_collection(client, "millwright-words", 32)
        client.close()
    client = QdrantClient(url=server.url, check_compatibility=False)
    assert [one.name for one in client.get_collections().collections] == ["millwright-words"]
    client.close()
