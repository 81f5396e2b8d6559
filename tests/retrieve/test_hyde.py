"""HyDE's imagined passages: written once for a question, kept, and left out when it takes long."""

from __future__ import annotations

import pytest
from langchain_ollama import ChatOllama

from rag.models.llm import chat_model
from rag.retrieve.hyde import write_passage
from rag.settings import Settings
from tests.stand_in.ollama import Failure, OllamaStandIn

PASSAGE = "Vor dem Wechsel des Öls ist die Anlage drucklos zu machen."


@pytest.fixture
def chat(ollama: OllamaStandIn) -> ChatOllama:
    return chat_model(Settings(ollama_base_url=ollama.url))


async def test_a_passage_is_written_once(ollama: OllamaStandIn, chat: ChatOllama) -> None:
    ollama.enqueue(PASSAGE, "Another one.")

    first = await write_passage("Wie wechsle ich das Öl?", "de", chat, timeout_s=5)
    again = await write_passage("Wie wechsle ich das Öl?", "de", chat, timeout_s=5)
    other = await write_passage("Wie wechsle ich das Öl?", "en", chat, timeout_s=5)

    assert (first, again, other) == (PASSAGE, PASSAGE, "Another one.")
    assert len(ollama.history) == 2


async def test_a_failure_is_not_kept(ollama: OllamaStandIn, chat: ChatOllama) -> None:
    ollama.enqueue(Failure("silent"), PASSAGE)

    assert await write_passage("Wie oft?", "de", chat, timeout_s=0.2) is None
    assert await write_passage("Wie oft?", "de", chat, timeout_s=5) == PASSAGE
