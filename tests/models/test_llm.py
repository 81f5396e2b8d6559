"""Streaming from a language model over real HTTP, and every way in which it can fail."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import aclosing

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from rag.errors import LanguageModelDown
from rag.messages import say
from rag.models.llm import Usage, chat_model, close_chat, probe, stream
from rag.settings import Settings
from tests.stand_in.ollama import Failure, OllamaStandIn, Reply

_PROMPT = [
    SystemMessage("Answer from the passages only."),
    HumanMessage(
        "[1] Manual, p. 7\nThe standby pressure is 8 bar. It is set in the factory.\n\nWhat?"
    ),
]


async def _collect(settings: Settings, got: list[str] | None = None) -> tuple[str, Usage]:
    pieces: list[str] = [] if got is None else got
    usage = None
    chat = chat_model(settings)
    async for item in stream(chat, _PROMPT, silence_s=settings.ollama_timeout_s):
        if isinstance(item, Usage):
            usage = item
        else:
            pieces.append(item)
    assert usage is not None
    return "".join(pieces), usage


async def test_streams_tokens_and_then_the_usage(
    ollama: OllamaStandIn, ollama_settings: Settings
) -> None:
    ollama.enqueue(["The ", "pressure ", "is ", "8 bar [1]."])
    pieces: list[str] = []
    text, usage = await _collect(ollama_settings, pieces)
    assert text == "The pressure is 8 bar [1]."
    assert len(pieces) == 4
    assert usage == Usage(ollama.history[0].prompt_tokens, 4, "stop")
    assert usage.prompt_tokens > 20


async def test_sends_the_window_always(ollama: OllamaStandIn, ollama_settings: Settings) -> None:
    settings = ollama_settings.model_copy(update={"num_ctx": 1024, "answer_tokens": 100})
    await _collect(settings)
    sent = ollama.history[0]
    assert sent.options["num_ctx"] == 1024
    assert sent.options["num_predict"] == 100
    assert sent.options["temperature"] == 0
    assert sent.body["keep_alive"] == "30m"
    assert sent.body["think"] is False
    assert [message["role"] for message in sent.messages] == ["system", "user"]


async def test_says_when_the_answer_was_cut_by_its_limit(
    ollama: OllamaStandIn, ollama_settings: Settings
) -> None:
    ollama.enqueue(["word "] * 200)
    settings = ollama_settings.model_copy(update={"answer_tokens": 64})
    text, usage = await _collect(settings)
    assert usage.done_reason == "length"
    assert usage.answer_tokens == 64
    assert text == "word " * 64


@pytest.mark.parametrize(
    ("failure", "key", "retryable"),
    [
        (Failure("drop", after=3), "error.llm_stopped", True),
        (Failure("error", after=3), "error.llm_stopped", True),
        (Failure("cut", after=3), "error.llm_stopped", True),
        (Failure("garbage", after=3), "error.llm_stopped", True),
        (Failure("missing"), "error.llm_model_missing", False),
        (Failure("busy"), "error.llm_busy", True),
        (Failure("status", status=500), "error.llm_failed", True),
    ],
    ids=lambda value: value.kind if isinstance(value, Failure) else "",
)
async def test_failures_become_messages(
    ollama: OllamaStandIn, ollama_settings: Settings, failure: Failure, key: str, retryable: bool
) -> None:
    ollama.enqueue(failure)
    pieces: list[str] = []
    with pytest.raises(LanguageModelDown) as down:
        await _collect(ollama_settings, pieces)
    assert down.value.key == key
    assert down.value.retryable is retryable
    assert len(pieces) == failure.after
    for language in ("de", "en"):
        assert say(key, language, **down.value.values)  # type: ignore[arg-type]
    # The next question is answered: nothing is left broken on the connection.
    text, _ = await _collect(ollama_settings)
    assert text == "The standby pressure is 8 bar. [1]"


async def test_a_missing_model_names_the_command(
    ollama: OllamaStandIn, ollama_settings: Settings
) -> None:
    ollama.models = []
    with pytest.raises(LanguageModelDown) as down:
        await _collect(ollama_settings)
    assert "ollama pull mistral" in say(down.value.key, "de", **down.value.values)


async def test_silence_ends_after_the_time_limit(
    ollama: OllamaStandIn, ollama_settings: Settings
) -> None:
    ollama.enqueue(Failure("silent", after=2))
    settings = ollama_settings.model_copy(update={"ollama_timeout_s": 0.3})
    pieces: list[str] = []
    with pytest.raises(LanguageModelDown) as down:
        await _collect(settings, pieces)
    assert down.value.key == "error.llm_timed_out"
    assert len(pieces) == 2
    assert await asyncio.to_thread(ollama.history[0].cancelled.wait, 5)


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings = Settings(ollama_base_url=f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(LanguageModelDown) as down:
        await _collect(settings)
    assert down.value.key == "error.llm_unreachable"
    assert (await probe(settings)).reason == "unreachable"


async def test_a_host_that_swallows_packets_costs_the_connect_limit() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        # Fill the queue of the listener, so that further connections are left unanswered.
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        settings = Settings(
            ollama_base_url=f"http://127.0.0.1:{deaf.getsockname()[1]}",
            ollama_connect_timeout_s=0.3,
        )
        with pytest.raises(LanguageModelDown) as down:
            await _collect(settings)
        assert down.value.key == "error.llm_unreachable"
        for filler in fillers:
            filler.close()


async def test_closing_the_stream_stops_the_server(
    ollama: OllamaStandIn, ollama_settings: Settings
) -> None:
    gate = threading.Event()
    ollama.enqueue(Reply(["one ", "two ", "three "], gate=gate, gate_after=2))
    async with aclosing(stream(chat_model(ollama_settings), _PROMPT)) as items:  # type: ignore[type-var]
        assert await anext(items) == "one "
    assert await asyncio.to_thread(ollama.history[0].cancelled.wait, 5)
    assert ollama.history[0].sent == ["one ", "two "]


async def test_closing_gives_the_connections_back(ollama_settings: Settings) -> None:
    chat = chat_model(ollama_settings)
    await close_chat(chat)
    with pytest.raises(RuntimeError, match="closed"):
        await anext(stream(chat, _PROMPT))


async def test_cancelling_the_task_stops_the_server(
    ollama: OllamaStandIn, ollama_settings: Settings
) -> None:
    ollama.enqueue(Failure("silent", after=1))
    task = asyncio.create_task(_collect(ollama_settings))
    request = await asyncio.to_thread(ollama.wait_for_request)
    assert await asyncio.to_thread(request.started.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(request.cancelled.wait, 5)


async def test_the_server_dies_in_mid_answer(
    ollama: OllamaStandIn, ollama_settings: Settings
) -> None:
    ollama.enqueue(Failure("silent", after=2))
    pieces: list[str] = []
    task = asyncio.create_task(_collect(ollama_settings, pieces))
    request = await asyncio.to_thread(ollama.wait_for_request)
    assert await asyncio.to_thread(request.started.wait, 5)
    await asyncio.to_thread(ollama.stop)
    with pytest.raises(LanguageModelDown) as down:
        await task
    assert down.value.key == "error.llm_stopped"
    assert (await probe(ollama_settings)).reason == "unreachable"


async def test_probe_finds_the_model_and_its_digest(
    ollama: OllamaStandIn, ollama_settings: Settings
) -> None:
    state = await probe(ollama_settings)
    assert state.available
    assert state.reason == "ok"
    assert state.models == ("mistral:latest",)
    assert len(state.digest) == 64


async def test_probe_says_that_the_model_is_missing(
    ollama: OllamaStandIn, ollama_settings: Settings
) -> None:
    ollama.models = ["mistral:7b-instruct"]
    state = await probe(ollama_settings)
    assert not state.available
    assert state.reason == "model_missing"
    assert state.models == ("mistral:7b-instruct",)
