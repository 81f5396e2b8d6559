"""The imagined passage in the search: it helps where words are foreign, and is spent sparingly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.models.llm import chat_model
from rag.retrieve.find import find_passages
from rag.types import Retrieval, Scope
from tests.retrieve.corpus import SmallServices
from tests.stand_in.ollama import Failure, OllamaStandIn

# Words that neither the German manual nor the glossary has.
FOREIGN = "Which doohickey for the snorkel when gunked?"
IMAGINED = "Ist die Luftfilterpatrone verschmutzt, muss sie als Ersatzteil erneuert werden."
COMPRESSOR = Scope(machines=("Schraubenkompressor KX-200",))


@pytest.fixture
def with_model(services: SmallServices, ollama: OllamaStandIn) -> SmallServices:
    settings = services.settings.model_copy(
        update={"ollama_base_url": ollama.url, "hyde": "auto", "hyde_timeout_s": 5.0}
    )
    return replace(services, settings=settings, llm=chat_model(settings))


def pages(found: Retrieval) -> list[int]:
    return [hit.chunk.first_page for hit in found.hits]


async def test_it_finds_the_page_of_a_question_in_foreign_words(
    with_model: SmallServices, ollama: OllamaStandIn
) -> None:
    without = await find_passages(
        FOREIGN, COMPRESSOR, services=with_model, use_language_model=False
    )
    assert 50 not in pages(without)
    assert without.hyde_text is None

    ollama.enqueue(IMAGINED)
    found = await find_passages(FOREIGN, COMPRESSOR, services=with_model)
    assert pages(found)[0] == 50
    assert found.hyde_text == IMAGINED
    assert FOREIGN in str(ollama.history[0].messages)


async def test_a_sure_first_pass_and_a_code_spend_no_call(
    with_model: SmallServices, ollama: OllamaStandIn
) -> None:
    for question in ("Wie fest werden die Schrauben M8 angezogen?", "Was bedeutet E-104?"):
        found = await find_passages(question, COMPRESSOR, services=with_model)
        assert found.verdict == "found"
    assert ollama.history == []


@pytest.mark.parametrize("kind", ["silent", "busy"])
async def test_without_an_answer_in_time_the_search_goes_on(
    with_model: SmallServices, ollama: OllamaStandIn, kind: str
) -> None:
    limit = {"hyde_timeout_s": 0.3 if kind == "silent" else 5.0}
    hasty = replace(with_model, settings=with_model.settings.model_copy(update=limit))
    question = f"Does a gunked doohickey of the cooler ({kind}) want cleaning or snorkelling?"
    expected = await find_passages(question, COMPRESSOR, services=hasty, use_language_model=False)
    assert expected.verdict != "found"
    ollama.enqueue(Failure(kind))
    found = await find_passages(question, COMPRESSOR, services=hasty)
    assert found.hyde_text is None
    assert len(ollama.history) == 1
    assert pages(found) == pages(expected) != []


async def test_it_is_not_asked_where_its_words_would_move_nothing(
    with_model: SmallServices, ollama: OllamaStandIn
) -> None:
    """Words in the manual's own language, and no vectors that cover it."""
    always = with_model.settings.model_copy(update={"hyde": "always"})
    question = "Muss der schnurpsige Kühler gereinigt oder verklumpt werden?"
    await find_passages(question, COMPRESSOR, services=replace(with_model, settings=always))
    assert ollama.history == []
