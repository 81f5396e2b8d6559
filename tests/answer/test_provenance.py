"""What an answer rests on is kept: an exported answer finds the same passages again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rag.answer.excerpt import asks_for_value
from rag.answer.passages import choose_passages
from rag.answer.relevance import Relevance
from rag.chat.tools import record
from rag.retrieve.find import find_passages
from rag.services import Services
from rag.types import ManualStatus, Scope
from tests.answer.conftest import answer_to
from tests.answer.small_library import COMPRESSOR, PRESS
from tests.stand_in.ollama import OllamaStandIn

QUESTIONS = [
    ("Wie wechsle ich das Kompressorenöl?", ""),
    ("Was bedeutet E-104?", ""),
    ("Was bedeutet E-105?", COMPRESSOR),
    ("What is the pressure of the return cylinder?", PRESS),
    ("Wie fest wird die Ölablassschraube angezogen?", ""),
    ("How often must the pressure be checked?", ""),
]


async def found_again(exported: dict[str, Any], services: Services) -> tuple[list[str], Any]:
    """What the export's question finds now, with nothing but what the export holds."""
    kept = exported["provenance"]
    services.settings = services.settings.model_copy(update=kept["settings"])
    scope = Scope(**{name: tuple(value) for name, value in kept["scope"].items()})
    question = kept["understood_as"]
    retrieval = await find_passages(
        question, scope, services=services, use_language_model=bool(kept["hyde_text"])
    )
    languages = {one.language for one in services.library.manuals(ManualStatus.ACTIVE)}
    relevance = Relevance(
        await services.keywords.current(),
        question,
        kept["language"],
        languages,
        asks_value=asks_for_value(question, kept["language"]),
    )
    count = services.settings.passages
    passages = choose_passages(retrieval, relevance, services.library, count)
    return [hit.chunk.id for hit in retrieval.stages["final"]], passages


async def test_an_export_finds_the_same_passages_again(
    open_services: Callable[..., Services],
) -> None:
    here = open_services()
    elsewhere = open_services(passages=1, dedup_jaccard=0.5)  # a library and settings of its own
    for question, machine in QUESTIONS:
        first = await answer_to(question, here, machine=machine)
        exported = json.loads(json.dumps(record(first)))
        kept = exported["provenance"]

        found, passages = await found_again(exported, elsewhere)

        assert found == kept["found"]
        ids = [one.hit.chunk.id for one in passages]
        assert ids == [one["chunk_id"] for one in kept["passages"]]
        for now, then in zip(passages, kept["passages"], strict=True):
            assert [piece.id for piece in now.pieces] == then["pieces"]
            assert now.hit.chunk.content_hash == then["content_hash"]
            manual = elsewhere.library.manual(now.hit.chunk.manual_id)
            assert manual is not None
            assert manual.sha256 == then["sha256"]


async def test_a_passage_written_for_the_search_is_kept_with_it(
    open_services: Callable[..., Services], ollama: OllamaStandIn
) -> None:
    services = open_services(ollama_base_url=ollama.url, hyde="always")
    ollama.enqueue("Der Riemen wird mit der Prüffrequenz kontrolliert.", "Mit 56 Hz [1].")

    first = await answer_to("How do I check the belt tension of the SK 37?", services)

    exported = json.loads(json.dumps(record(first)))
    kept = exported["provenance"]
    assert kept["hyde_text"] == "Der Riemen wird mit der Prüffrequenz kontrolliert."
    ollama.enqueue(kept["hyde_text"])
    found, _ = await found_again(exported, services)
    assert found == kept["found"]


async def test_a_refusal_keeps_what_was_found_too(quoting: Services) -> None:
    answer = await answer_to("Wie koche ich Spaghetti Bolognese mit Parmesan?", quoting)

    assert answer.provenance["verdict"] == "absent"
    assert answer.provenance["passages"] == []
    assert answer.provenance["found"] or not answer.perhaps
