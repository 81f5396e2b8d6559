"""The vector store's server is away: words are searched alone, and the answer says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.retrieve.keywords import KeywordIndex
from rag.services import Services
from rag.store.vectors import open_vectors
from rag.types import Failed
from tests.answer.conftest import answer_to, events_of
from tests.stand_in.qdrant import QdrantStandIn
from tests.store.fake_embedder import WordEmbedder

QUESTION = "Wie fest wird die Ölablassschraube angezogen?"
AWAY = "Der Vektorspeicher (Qdrant) ist gerade nicht erreichbar"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QdrantStandIn]:
    with QdrantStandIn(tmp_path / "qdrant") as running:
        yield running


@pytest.fixture
def open_remote(
    open_services: Callable[..., Services], server: QdrantStandIn
) -> Callable[..., Services]:
    """Services with a (small, real) embedder and the vectors on the server."""

    def open_with(**settings: Any) -> Services:
        services = open_services(qdrant_url=server.url, ollama_base_url="", **settings)
        embedder: Any = WordEmbedder()
        services.embedder = embedder
        services.vectors.close()
        services.vectors = open_vectors(services.settings, embedder)
        services.keywords = KeywordIndex(
            services.library,
            settings=services.settings,
            glossary=services.glossary,
            vectors=services.vectors,
        )
        for manual in services.library.manuals():
            chunks = services.library.chunks_of(manual.id)
            services.vectors.upsert(chunks, services.vectors.embed(chunks))
        return services

    return open_with


async def test_words_are_searched_alone_and_the_answer_says_so(
    open_remote: Callable[..., Services], server: QdrantStandIn
) -> None:
    services = open_remote(keyword_backend="memory")
    before = await answer_to(QUESTION, services)
    await asyncio.to_thread(server.stop)

    away = await answer_to("Wie fest muss die Ölablassschraube sein?", services)

    assert AWAY not in before.text
    assert away.text.startswith(f"*{AWAY}")
    assert "45 Nm" in away.text
    assert "dense" not in away.provenance["passages"][0]["ranks"]


async def test_an_answer_by_words_alone_is_not_kept(
    open_remote: Callable[..., Services], server: QdrantStandIn
) -> None:
    services = open_remote(keyword_backend="memory")
    await asyncio.to_thread(server.stop)
    await answer_to(QUESTION, services)
    await asyncio.to_thread(server.start)
    services.vectors = open_vectors(services.settings, services.embedder)

    again = await answer_to(QUESTION, services)

    assert "cached" not in again.provenance
    assert AWAY not in again.text


async def test_with_the_words_on_the_server_too_it_says_that_it_cannot_search(
    open_remote: Callable[..., Services], server: QdrantStandIn
) -> None:
    services = open_remote(keyword_backend="qdrant")
    assert (await answer_to(QUESTION, services)).citations
    await asyncio.to_thread(server.stop)

    events = await events_of("Wie viel Öl kommt in den Kompressor?", services)

    last = events[-1]
    assert isinstance(last, Failed)
    assert (last.key, last.retryable) == ("error.qdrant_down", True)
