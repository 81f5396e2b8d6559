"""What is built once and used by every question: a plain dataclass and the order of building."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from rag.errors import RagError
from rag.flights import Flights
from rag.models.embedder import Embedder, load_embedder
from rag.models.llm import chat_model
from rag.models.reranker import Reranker, load_reranker
from rag.observe.metrics import lookups_of
from rag.observe.tracing import Tracer, open_tracer
from rag.retrieve.glossary import Glossary, load_glossary
from rag.retrieve.keywords import KeywordIndex
from rag.settings import Settings
from rag.store.database import open_database
from rag.store.glossary_table import GlossaryTable
from rag.store.library import Library
from rag.store.lru import ByteCache
from rag.store.vectors import VectorIndex, open_vectors

if TYPE_CHECKING:
    from langchain_ollama import ChatOllama

CACHE_TTL_S = 3600.0
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Services:
    """The parts of a running Millwright. ``embedder`` and ``reranker`` may be missing."""

    settings: Settings
    database: Engine
    library: Library
    embedder: Embedder | None
    reranker: Reranker | None
    vectors: VectorIndex
    keywords: KeywordIndex
    glossary: Glossary
    llm: ChatOllama
    tracer: Tracer
    cache: ByteCache = field(default_factory=lambda: ByteCache(0, ttl_s=0))
    flights: Flights = field(default_factory=Flights)

    def use_glossary(self, glossary: Glossary) -> None:
        """Search with other words from now on."""
        self.glossary = glossary
        self.keywords.use_glossary(glossary)

    def close(self) -> None:
        """Stop what runs in the background and let go of files; safe to call twice."""
        self.tracer.close()
        self.vectors.close()
        self.database.dispose()


def build_services(settings: Settings) -> Services:
    """Open everything once. Never contacts Ollama; a model that is not prepared is left out.

    Raises ``StoreDown`` when the database or the index cannot be opened; what was opened before
    is closed again.
    """
    database = open_database(settings)
    try:
        library = Library(database, folder=settings.data_dir / "manuals")
        embedder = load_embedder(settings)
        vectors = open_vectors(settings, embedder)
    except BaseException:
        database.dispose()
        raise
    glossary = plants_words(GlossaryTable(database))
    reranker = load_reranker(settings)
    log.info(
        "embedder: %s, reranker: %s",
        embedder.name if embedder else "none (BM25 alone)",
        reranker.name if reranker else "none",
    )
    cache = ByteCache(
        settings.cache_mb * 1024 * 1024, ttl_s=CACHE_TTL_S, on_lookup=lookups_of("answers")
    )
    tracer = open_tracer(settings, database)
    tracer.on_bad_rating = cache.evict
    return Services(
        settings=settings,
        database=database,
        library=library,
        embedder=embedder,
        reranker=reranker,
        vectors=vectors,
        keywords=KeywordIndex(library, settings=settings, glossary=glossary, vectors=vectors),
        glossary=glossary,
        llm=chat_model(settings),
        tracer=tracer,
        cache=cache,
    )


def plants_words(lists: GlossaryTable) -> Glossary:
    """The glossary with the plant's list that is in use; without it when it is no longer valid."""
    version = lists.version_in_use()
    try:
        return load_glossary(lists.content(version) if version else None)
    except RagError as error:
        log.error("version %s of the plant's words is left out: %s", version, error)
        return load_glossary()
