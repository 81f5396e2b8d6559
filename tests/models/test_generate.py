"""Generating over real HTTP: tries again before the first word, elsewhere, and in turn."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from langchain_core.messages import HumanMessage

from rag.errors import LanguageModelDown
from rag.models.generate import Generation, Place
from rag.models.hosts import hosts_of, llm_health
from rag.models.llm import Usage, chat_model
from rag.settings import Settings
from tests.stand_in.ollama import Failure, OllamaStandIn, Reply

PROMPT = [HumanMessage("[1] Manual, p. 7\nThe standby pressure is 8 bar.\n\nWhat?")]


@pytest.fixture
def ollamas() -> Iterator[Callable[[int], list[OllamaStandIn]]]:
    """As many servers as wanted."""
    with ExitStack() as stack:
        yield lambda count: [stack.enter_context(OllamaStandIn()) for _ in range(count)]


def settings_for(*servers: OllamaStandIn, **changes: object) -> Settings:
    urls = ",".join(server.url for server in servers)
    chosen = {"ollama_timeout_s": 5.0, "ollama_connect_timeout_s": 1.0, **changes}
    return Settings(ollama_base_url=urls, **chosen)  # type: ignore[arg-type]


class Told:
    """What a generation said."""

    def __init__(self, settings: Settings, user: str = "ann") -> None:
        self.generation = Generation(chat_model(settings), PROMPT, settings, user)
        self.places: list[int] = []
        self.pieces: list[str] = []
        self.usage: Usage | None = None
        self.waits = asyncio.Event()

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    async def run(self) -> Told:
        async for item in self.generation.run():
            if isinstance(item, Place):
                self.places.append(item.number)
                self.waits.set()
            elif isinstance(item, Usage):
                self.usage = item
            else:
                self.pieces.append(item)
        return self


@pytest.mark.parametrize("failure", [Failure("busy"), Failure("drop")], ids=lambda one: one.kind)
async def test_what_passes_is_tried_again(ollama: OllamaStandIn, failure: Failure) -> None:
    ollama.enqueue(failure, "It is 8 bar [1].")

    told = await Told(settings_for(ollama)).run()

    assert told.text == "It is 8 bar [1]."
    assert told.generation.report["tries"] == 2


async def test_after_the_first_word_nothing_is_tried_again(ollama: OllamaStandIn) -> None:
    ollama.enqueue(Failure("drop", after=2), "It is 8 bar [1].")
    told = Told(settings_for(ollama))

    with pytest.raises(LanguageModelDown) as down:
        await told.run()

    assert down.value.key == "error.llm_stopped"
    assert len(told.pieces) == 2
    assert len(ollama.history) == 1


async def test_an_error_of_the_server_is_not_asked_for_again(ollama: OllamaStandIn) -> None:
    ollama.enqueue(Failure("status", status=500), "It is 8 bar [1].")

    with pytest.raises(LanguageModelDown) as down:
        await Told(settings_for(ollama)).run()

    assert down.value.key == "error.llm_failed"
    assert len(ollama.history) == 1


async def test_a_model_that_loads_may_take_longer_than_a_silence(ollama: OllamaStandIn) -> None:
    gate = threading.Event()
    ollama.enqueue(Reply("It is 8 bar [1].", gate=gate))
    settings = settings_for(ollama, ollama_timeout_s=0.1, ollama_first_token_timeout_s=30.0)
    told = Told(settings)
    running = asyncio.create_task(told.run())
    request = await asyncio.to_thread(ollama.wait_for_request)
    assert await asyncio.to_thread(request.started.wait, 5)
    with contextlib.suppress(TimeoutError):  # three silences long, nothing comes
        await asyncio.wait_for(asyncio.shield(running), 0.3)

    gate.set()
    await running

    assert told.text == "It is 8 bar [1]."


async def test_a_first_word_that_never_comes_opens_the_breaker(ollama: OllamaStandIn) -> None:
    ollama.enqueue(Failure("silent"))
    settings = settings_for(ollama, ollama_first_token_timeout_s=0.2)

    with pytest.raises(LanguageModelDown) as down:
        await Told(settings).run()

    assert down.value.key == "error.llm_timed_out"
    state = await hosts_of(settings).state()
    assert (state.available, state.reason) == (False, "failing")
    health = await llm_health(settings)
    assert health["hosts"][0]["breaker"] == "open"
    assert health["hosts"][0]["reachable"]


async def test_another_host_answers_before_the_first_word(
    ollamas: Callable[[int], list[OllamaStandIn]],
) -> None:
    first, second = ollamas(2)
    first.enqueue(Failure("status", status=500))
    settings = settings_for(first, second)

    told = await Told(settings).run()

    assert told.text == "The standby pressure is 8 bar. [1]"
    assert told.generation.report["host"] == second.url
    assert told.generation.report["tries"] == 2


async def test_a_host_that_dies_is_left_out_and_found_again(
    ollamas: Callable[[int], list[OllamaStandIn]],
) -> None:
    first, second = ollamas(2)
    settings = settings_for(first, second)
    hosts = hosts_of(settings)
    assert (await hosts.state()).available
    await asyncio.to_thread(first.stop)

    told = await Told(settings).run()
    after = await Told(settings).run()

    assert (told.generation.report["host"], told.generation.report["tries"]) == (second.url, 2)
    assert after.generation.report["tries"] == 1
    await asyncio.to_thread(first.start)
    await hosts.all[0].look_up()
    again = await Told(settings).run()
    assert again.generation.report["host"] == first.url


async def test_the_less_busy_host_is_asked(ollamas: Callable[[int], list[OllamaStandIn]]) -> None:
    first, second = ollamas(2)
    gate = threading.Event()
    first.enqueue(Reply("Slow.", gate=gate))
    settings = settings_for(first, second)
    slow = asyncio.create_task(Told(settings).run())
    await asyncio.to_thread(first.wait_for_request)

    quick = await Told(settings, "bob").run()

    gate.set()
    assert (await slow).generation.report["host"] == first.url
    assert quick.generation.report["host"] == second.url


async def test_a_missing_model_is_had_from_another_host(
    ollamas: Callable[[int], list[OllamaStandIn]],
) -> None:
    first, second = ollamas(2)
    first.models = []
    settings = settings_for(first, second)

    state = await hosts_of(settings).state()
    told = await Told(settings).run()

    assert state.available
    assert told.generation.report["host"] == second.url
    assert [host["has_model"] for host in (await llm_health(settings))["hosts"]] == [False, True]


async def test_the_third_question_waits_and_knows_its_place(ollama: OllamaStandIn) -> None:
    gate = threading.Event()
    ollama.enqueue(Reply("One.", gate=gate), Reply("Two.", gate=gate), "Three.")
    settings = settings_for(ollama, ollama_parallel=2)
    first = [asyncio.create_task(Told(settings, name).run()) for name in ("ann", "bob")]
    await asyncio.to_thread(ollama.wait_for_request, 2)
    third = Told(settings, "cem")
    waiting = asyncio.create_task(third.run())
    await third.waits.wait()
    assert len(ollama.history) == 2

    gate.set()
    await asyncio.gather(*first, waiting)

    assert third.places == [1, 0]
    assert third.text == "Three."
    assert hosts_of(settings).queue.running == 0


async def test_whoever_gives_up_leaves_the_line(ollama: OllamaStandIn) -> None:
    gate = threading.Event()
    ollama.enqueue(Reply("One.", gate=gate))
    settings = settings_for(ollama, ollama_parallel=1)
    first = asyncio.create_task(Told(settings, "ann").run())
    await asyncio.to_thread(ollama.wait_for_request)
    impatient = Told(settings, "bob")
    waiting = asyncio.create_task(impatient.run())
    await impatient.waits.wait()

    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting

    assert hosts_of(settings).queue.waiting == 0
    gate.set()
    await first
    assert len(ollama.history) == 1
