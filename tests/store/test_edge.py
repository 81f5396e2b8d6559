from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from langchain_qdrant import QdrantVectorStore, RetrievalMode
from langchain_qdrant.sparse_embeddings import SparseEmbeddings, SparseVector
from qdrant_client import QdrantClient, models

from rag.errors import StoreDown
from rag.store.edge import EdgeClient
from tests.store.fake_embedder import WordEmbedder

TEXTS = [
    "Öldruck prüfen und Ölfilter wechseln",
    "Keilriemen spannen",
    "Danger: high voltage",
    "Hydraulic oil level check",
    "Ölfilter: alle 2000 h",
]
IDS = [str(UUID(int=number + 1)) for number in range(len(TEXTS))]


class WordCounts(SparseEmbeddings):
    """Every word weighs one."""

    def embed_documents(self, texts: list[str]) -> list[SparseVector]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> SparseVector:
        words = sorted({sum(map(ord, word)) for word in text.lower().replace(":", "").split()})
        return SparseVector(indices=words, values=[1.0] * len(words))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[EdgeClient]:
    client = EdgeClient(tmp_path / "index")
    yield client
    client.close()


def make_collection(client: EdgeClient | QdrantClient, name: str = "c") -> None:
    client.create_collection(
        name,
        vectors_config=models.VectorParams(size=32, distance=models.Distance.COSINE),
        sparse_vectors_config={"bm25": models.SparseVectorParams()},
    )


def make_store(client: EdgeClient | QdrantClient, mode: RetrievalMode) -> QdrantVectorStore:
    return QdrantVectorStore(
        client=client,  # type: ignore[arg-type]
        collection_name="c",
        embedding=WordEmbedder(),
        sparse_embedding=WordCounts(),
        sparse_vector_name="bm25",
        retrieval_mode=mode,
    )


def machine(value: str) -> models.Filter:
    match = models.MatchValue(value=value)
    return models.Filter(must=[models.FieldCondition(key="metadata.machine", match=match)])


@pytest.mark.parametrize("mode", list(RetrievalMode))
def test_langchains_store_finds_the_same_as_on_qdrants_own_client(
    client: EdgeClient, mode: RetrievalMode
) -> None:
    """Qdrant's Python client in memory is the reference, text, order and score."""
    reference = QdrantClient(":memory:")
    metadatas = [{"machine": "K7" if number % 2 else "P2"} for number in range(len(TEXTS))]
    found = []
    for one in (client, reference):
        make_collection(one)
        store = make_store(one, mode)
        store.add_texts(TEXTS, metadatas, ids=IDS)
        plain = store.similarity_search_with_score("Ölfilter wechseln", k=2)
        scoped = store.similarity_search_with_score("Ölfilter wechseln", k=2, filter=machine("P2"))
        found.append(
            [(doc.page_content, doc.metadata["machine"], score) for doc, score in plain + scoped]
        )
    reference.close()
    assert [row[:2] for row in found[0]] == [row[:2] for row in found[1]]
    assert [row[2] for row in found[0]] == pytest.approx([row[2] for row in found[1]], abs=1e-5)
    assert found[0][0][0] in (TEXTS[0], TEXTS[4])
    assert all(row[1] == "P2" for row in found[0][2:])


def test_points_are_read_counted_scrolled_and_deleted(client: EdgeClient) -> None:
    make_collection(client)
    store = make_store(client, RetrievalMode.HYBRID)
    metadatas = [{"machine": "K7" if number % 2 else "P2"} for number in range(len(TEXTS))]
    store.add_texts(TEXTS, metadatas, ids=IDS)
    assert [document.page_content for document in store.get_by_ids([IDS[2]])] == [TEXTS[2]]
    assert client.count("c").count == 5
    assert client.count("c", machine("K7")).count == 2
    first, offset = client.scroll("c", limit=3)
    rest, end = client.scroll("c", limit=3, offset=offset)
    assert [str(record.id) for record in first + rest] == IDS
    assert end is None
    record = client.retrieve("c", [IDS[0]], with_vectors=True)[0]
    assert isinstance(record.vector, dict)
    assert isinstance(record.vector["bm25"], models.SparseVector)
    assert len(record.vector[""]) == 32
    client.create_payload_index("c", "metadata.machine", models.PayloadSchemaType.KEYWORD)
    facets = client.facet("c", "metadata.machine")
    assert {hit.value: hit.count for hit in facets.hits} == {"P2": 3, "K7": 2}
    assert store.delete([IDS[0]])
    client.delete("c", models.FilterSelector(filter=machine("K7")))
    assert client.count("c").count == 2


def test_everything_is_there_after_closing_and_opening(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path / "index")
    make_collection(client)
    make_store(client, RetrievalMode.DENSE).add_texts(TEXTS, ids=IDS)
    client.close()
    client.close()
    again = EdgeClient(tmp_path / "index")
    assert again.count("c").count == 5
    info = again.get_collection("c")
    assert isinstance(info.config.params.vectors, models.VectorParams)
    assert info.config.params.vectors.size == 32
    again.close()
    with pytest.raises(StoreDown) as caught:
        again.count("c")
    assert caught.value.key == "error.index_closed"


def test_collections_come_and_go(client: EdgeClient, tmp_path: Path) -> None:
    make_collection(client)
    make_collection(client, "d")
    with pytest.raises(ValueError, match="already exists"):
        make_collection(client)
    names = [collection.name for collection in client.get_collections().collections]
    assert names == ["c", "d"]
    client.delete_collection("c")
    assert not client.collection_exists("c")
    assert not (tmp_path / "index" / "c").exists()
    with pytest.raises(ValueError, match="not found"):
        client.count("c")


def test_a_collection_that_was_never_finished_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "index" / "c" / "shard" / "segments").mkdir(parents=True)
    client = EdgeClient(tmp_path / "index")
    assert not client.collection_exists("c")
    make_collection(client)
    assert client.count("c").count == 0
    client.close()


def test_a_boolean_match_is_refused_because_it_would_find_nothing(client: EdgeClient) -> None:
    make_collection(client)
    match = models.MatchValue(value=True)
    condition = models.Filter(must=[models.FieldCondition(key="metadata.ok", match=match)])
    with pytest.raises(ValueError, match="booleans"):
        client.count("c", condition)


def test_filters_combine(client: EdgeClient) -> None:
    make_collection(client)
    store = make_store(client, RetrievalMode.DENSE)
    store.add_texts(TEXTS, [{"n": number, "machine": "K7"} for number in range(5)], ids=IDS)

    def number(**match: object) -> models.FieldCondition:
        return models.FieldCondition(key="metadata.n", **match)  # type: ignore[arg-type]

    cases = [
        (models.Filter(must=[number(match=models.MatchAny(any=[0, 4]))]), 2),
        (models.Filter(must_not=[number(match=models.MatchValue(value=1))]), 4),
        (models.Filter(must=[number(range=models.Range(gte=1, lt=3))]), 2),
        (models.Filter(should=[number(match=models.MatchValue(value=n)) for n in (0, 1)]), 2),
        (models.Filter(must=[models.HasIdCondition(has_id=[IDS[0], IDS[1]])]), 2),
        (models.Filter(must=[models.HasVectorCondition(has_vector="bm25")]), 0),
        (
            models.Filter(
                must=[machine("K7"), number(match=models.MatchExcept(**{"except": [0]}))]
            ),
            4,
        ),
    ]
    for condition, expected in cases:
        assert client.count("c", condition).count == expected, condition


@pytest.mark.slow
def test_a_second_process_is_told_who_has_the_folder(client: EdgeClient, tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from rag.errors import StoreDown
        from rag.store.edge import EdgeClient
        try:
            EdgeClient(Path(sys.argv[1]))
        except StoreDown as error:
            print(error.key, error.values["process"])
    """)
    index = str(tmp_path / "index")
    command = [sys.executable, "-c", script, index]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.split() == ["error.index_in_use", str(os.getpid())]
    client.close()
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output == ""


WRITER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from uuid import UUID
    from qdrant_client import models
    from rag.store.edge import EdgeClient
    client = EdgeClient(Path(sys.argv[1]))
    start = client.count("c").count
    for number in range(start, 100_000):
        point = models.PointStruct(
            id=str(UUID(int=number + 1)), vector=[float(number)] * 32, payload={"n": number}
        )
        client.upsert("c", [point])
        print(number, flush=True)
""")


@pytest.mark.slow
def test_no_acknowledged_point_is_lost_by_a_kill(tmp_path: Path) -> None:
    index = tmp_path / "index"
    client = EdgeClient(index)
    make_collection(client)
    client.close()
    for round_number in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(index)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            last = -1
            for _ in range(20 + 17 * round_number):
                last = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            for line in writer.stdout:
                if line.endswith("\n"):
                    last = int(line)
        client = EdgeClient(index)
        there = {record.payload["n"] for record in client.scroll("c", limit=100_000)[0]}
        client.close()
        assert there >= set(range(last + 1))
        assert len(there) <= last + 2, "at most the one point in flight came along"


def test_a_damaged_index_is_said_clearly(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path / "index")
    make_collection(client)
    client.close()
    for path in (tmp_path / "index" / "c" / "shard").rglob("*"):
        if path.is_file():
            path.write_bytes(b"\xff" * 7)
    again = EdgeClient(tmp_path / "index")
    with pytest.raises(StoreDown) as caught:
        again.count("c")
    assert caught.value.key == "error.index_unusable"
    again.close()
