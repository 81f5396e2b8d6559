"""Kept answers: the same question is answered again at once, and never by what no longer holds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any

import pytest

from rag.answer.ask import ask
from rag.answer.cache import normalised
from rag.errors import RagError
from rag.models.hosts import hosts_of
from rag.services import Services
from rag.types import Answer, Done, Event, Failed, Role, Scope, Token, Turn, User
from tests.answer.conftest import TECHNICIAN, answer_to, events_of
from tests.answer.small_library import COMPRESSOR
from tests.stand_in.ollama import Failure, OllamaStandIn, Reply

TORQUE = "Wie fest wird die Ölablassschraube angezogen?"
IN_THE_MANUAL = "Die Ölablassschraube wird mit 45 Nm angezogen [1]."
ADMIN = User("u2", "boss", Role.ADMIN)


def kinds(events: list[Event]) -> list[str]:
    named = [type(event).__name__ for event in events]
    return [kind for kind in named if kind in ("Notices", "Sources", "Done")]


def is_kept(answer: Answer) -> bool:
    return "cached" in answer.provenance


async def test_the_same_question_comes_from_the_cache(
    writing: Services, ollama: OllamaStandIn
) -> None:
    first = await events_of(TORQUE, writing)
    again = await events_of("  wie fest wird die ölablassschraube angezogen ", writing)

    assert len(ollama.history) == 1
    assert kinds(again) == kinds(first)
    one, other = first[-1], again[-1]
    assert isinstance(one, Done)
    assert isinstance(other, Done)
    assert other.answer.text == one.answer.text
    assert other.answer.citations == one.answer.citations
    assert other.answer.notices == one.answer.notices
    assert other.answer.id != one.answer.id
    assert other.answer.provenance["cached"]["answer_id"] == one.answer.id
    assert [stage.name for stage in other.answer.stages] == ["understand", "cache"]
    shown = "".join(event.text for event in again if isinstance(event, Token))
    assert shown == one.answer.text


async def test_asking_anew_passes_the_cache(writing: Services, ollama: OllamaStandIn) -> None:
    await answer_to(TORQUE, writing)
    asked = ask(TORQUE, user=TECHNICIAN, scope=Scope(), history=(), services=writing, fresh=True)

    last = [event async for event in asked][-1]

    assert isinstance(last, Done)
    assert not is_kept(last.answer)
    assert len(ollama.history) == 2


async def test_another_scope_or_language_is_another_question(
    writing: Services, ollama: OllamaStandIn
) -> None:
    everywhere = await answer_to("Was bedeutet E-105?", writing)
    here = await answer_to("Was bedeutet E-105?", writing, machine=COMPRESSOR)
    english = await answer_to("What does E-105 mean?", writing)

    assert not any(is_kept(answer) for answer in (everywhere, here, english))


async def test_a_role_gets_what_the_scope_gives(writing: Services, ollama: OllamaStandIn) -> None:
    await answer_to(TORQUE, writing)
    asked = ask(TORQUE, user=ADMIN, scope=Scope(), history=(), services=writing)

    last = [event async for event in asked][-1]

    assert isinstance(last, Done)
    assert is_kept(last.answer)


async def test_a_changed_library_is_asked_anew(writing: Services, ollama: OllamaStandIn) -> None:
    await answer_to(TORQUE, writing)
    manual = next(one for one in writing.library.manuals() if one.machine != COMPRESSOR)
    writing.library.disable(manual.id)

    assert not is_kept(await answer_to(TORQUE, writing))


async def test_a_new_version_of_the_model_is_asked_anew(
    writing: Services, ollama: OllamaStandIn
) -> None:
    await answer_to(TORQUE, writing)
    ollama.version = "2"
    await hosts_of(writing.settings).all[0].look_up()

    assert not is_kept(await answer_to(TORQUE, writing))


@pytest.mark.parametrize(
    "script",
    [
        Failure("drop", after=5, text="Die Schraube wird zuerst ganz und gar gelöst und dann"),
        Failure("status", status=500),
        "Die Ölablassschraube wird mit 85 Nm angezogen [1].",
        Reply("Die Schraube " * 3, done_reason="length"),
    ],
    ids=["interrupted", "failed", "wrong value", "cut off"],
)
async def test_what_went_wrong_is_not_kept(
    writing: Services, ollama: OllamaStandIn, script: Any
) -> None:
    ollama.enqueue(script, IN_THE_MANUAL)
    await answer_to(TORQUE, writing)

    second = await answer_to(TORQUE, writing)

    assert not is_kept(second)
    assert second.text.startswith(IN_THE_MANUAL)


async def test_a_quotation_for_want_of_ollama_is_not_kept(quoting: Services) -> None:
    await answer_to(TORQUE, quoting)

    assert not is_kept(await answer_to(TORQUE, quoting))


async def test_without_any_model_quotations_are_kept(
    open_services: Callable[..., Services],
) -> None:
    services = open_services(ollama_base_url="")
    first = await answer_to(TORQUE, services)
    again = await answer_to(TORQUE, services)

    assert first.reason == "quote.off"
    assert is_kept(again)


async def test_an_answer_of_before_is_given_while_ollama_is_away(
    writing: Services, ollama: OllamaStandIn
) -> None:
    first = await answer_to(TORQUE, writing)
    await asyncio.to_thread(ollama.stop)

    again = await answer_to(TORQUE, writing)

    assert again.mode == "llm"
    assert again.text == first.text


async def test_what_was_said_before_stays_private(writing: Services, ollama: OllamaStandIn) -> None:
    history = (Turn("Was kostet die Presse von Herrn Huber?", "Das weiß ich nicht.", None),)
    ollama.enqueue(IN_THE_MANUAL, "Sie wird mit 45 Nm angezogen [1].")
    await answer_to(TORQUE, writing, history=history)

    other = await answer_to(TORQUE, writing)

    assert not is_kept(other)
    assert is_kept(await answer_to(TORQUE, writing, history=history))


async def test_a_bad_rating_evicts(writing: Services, ollama: OllamaStandIn) -> None:
    first = await answer_to(TORQUE, writing)
    kept = await answer_to(TORQUE, writing)
    writing.tracer.record(kept, user_pseudonym="p1", thread_id=None, run_id="run")

    await asyncio.to_thread(writing.tracer.rate, "run", 1, pseudonym="p1")
    assert is_kept(await answer_to(TORQUE, writing))
    await asyncio.to_thread(writing.tracer.rate, "run", 0, pseudonym="p1")

    assert not is_kept(await answer_to(TORQUE, writing))
    assert first.provenance["cache_key"] == kept.provenance["cache_key"]


async def test_the_same_question_at_the_same_moment_runs_once(
    writing: Services, ollama: OllamaStandIn
) -> None:
    gate = threading.Event()
    ollama.enqueue(Reply(IN_THE_MANUAL, gate=gate, gate_after=4))
    asked = [asyncio.create_task(events_of(TORQUE, writing)) for _ in range(3)]
    await asyncio.to_thread(ollama.wait_for_request)
    gate.set()

    answers = [events[-1] for events in await asyncio.gather(*asked)]

    assert len(ollama.history) == 1
    assert {done.answer.text for done in answers if isinstance(done, Done)} == {IN_THE_MANUAL}
    assert len({done.answer.id for done in answers if isinstance(done, Done)}) == 3


async def test_who_leaves_does_not_stop_the_other(writing: Services, ollama: OllamaStandIn) -> None:
    gate = threading.Event()
    ollama.enqueue(Reply(IN_THE_MANUAL, gate=gate, gate_after=4))
    first = asyncio.create_task(events_of(TORQUE, writing))
    request = await asyncio.to_thread(ollama.wait_for_request)
    second = asyncio.create_task(answer_to(TORQUE, writing))
    await asyncio.to_thread(request.started.wait, 5)
    while writing.flights.riders < 2:  # noqa: ASYNC110 - the second one is on its way
        await asyncio.sleep(0)

    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    gate.set()

    assert (await second).text == IN_THE_MANUAL
    assert not request.cancelled.is_set()


async def test_shutting_down_lets_answers_end_and_begins_none(
    writing: Services, ollama: OllamaStandIn
) -> None:
    gate = threading.Event()
    ollama.enqueue(Reply(IN_THE_MANUAL, gate=gate, gate_after=4))
    running = asyncio.create_task(answer_to(TORQUE, writing))
    await asyncio.to_thread(ollama.wait_for_request)
    draining = asyncio.create_task(writing.flights.drain(30))
    await asyncio.sleep(0)

    refused = await events_of("Was bedeutet E-105?", writing)
    gate.set()

    assert refused[-1] == Failed("error.shutting_down", retryable=True)
    assert (await running).text == IN_THE_MANUAL
    assert await draining == 0


async def test_what_does_not_end_in_time_is_interrupted_and_says_so(
    writing: Services, ollama: OllamaStandIn
) -> None:
    ollama.enqueue(Failure("silent", after=4, text="Zuerst die Anlage ausschalten und warten"))
    running = asyncio.create_task(events_of("Wie wechsle ich das Kompressorenöl?", writing))
    request = await asyncio.to_thread(ollama.wait_for_request)

    assert await writing.flights.drain(0) == 1

    assert (await running)[-1] == Failed("error.interrupted", retryable=True)
    assert await asyncio.to_thread(request.cancelled.wait, 5)


async def test_a_failure_is_told_to_all(open_services: Callable[..., Services]) -> None:
    services = open_services()
    begun = asyncio.Event()

    async def fails() -> Any:
        begun.set()
        yield "event"
        raise RagError("error.llm_busy", retryable=True)

    async def ride() -> list[str]:
        seen = []
        try:
            async with aclosing(services.flights.join("key", fails)) as events:  # type: ignore[type-var]
                async for event in events:
                    seen.append(event)
        except RagError as error:
            seen.append(error.key)
        return seen

    assert await asyncio.gather(ride(), ride()) == [["event", "error.llm_busy"]] * 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Was bedeutet E-104?", "was  bedeutet E-104", True),
        ("Wie viele mA braucht der Sensor?", "Wie viele MA braucht der Sensor?", False),
        ("Was bedeutet E-104?", "Was bedeutet E-105?", False),
        ("Druck über 8 bar", "Druck unter 8 bar", False),
    ],
)
def test_questions_are_the_same_but_for_spelling(one: str, other: str, same: bool) -> None:
    assert (normalised(one) == normalised(other)) is same
