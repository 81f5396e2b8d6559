"""Prompts are fitted to the window: rules, notices and question always arrive whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.answer.prompt import defuse, load_prompt
from rag.services import Services
from rag.types import Notices, Turn
from tests.answer.conftest import answer_to, events_of
from tests.answer.small_library import COMPRESSOR, chunk, compressor, load, manual
from tests.stand_in.ollama import OllamaStandIn

QUESTION = "Wie wechsle ich das Kompressorenöl am SK 37?"
LONG_TALK = tuple(
    Turn(f"Frage {n} zum Betrieb der Anlage?", "Eine lange Antwort. " * 60, COMPRESSOR)
    for n in range(6)
)


@pytest.mark.parametrize("num_ctx", [512, 2048, 4096])
@pytest.mark.parametrize("history", [(), LONG_TALK], ids=["alone", "long talk"])
async def test_nothing_is_sent_that_does_not_fit(
    open_services: Callable[..., Services],
    ollama: OllamaStandIn,
    num_ctx: int,
    history: tuple[Turn, ...],
) -> None:
    services = open_services(ollama_base_url=ollama.url, num_ctx=num_ctx)
    if history:  # the model is asked first to make the question stand on its own
        ollama.enqueue(QUESTION)

    events = await events_of(QUESTION, services, history=history)

    request = ollama.history[-1]
    shown = next(event for event in events if isinstance(event, Notices)).notices
    system = load_prompt("answer", "de").system
    assert request.options["num_ctx"] == num_ctx
    assert request.full_tokens + request.options["num_predict"] <= num_ctx
    assert not request.truncated
    assert request.seen[0] == {"role": "system", "content": system}
    assert QUESTION in request.seen[-1]["content"]
    for notice in shown:
        assert defuse(notice.text) in request.seen[-1]["content"]


@pytest.mark.parametrize("num_ctx", [512, 2048, 4096])
async def test_long_passages_are_shortened_and_it_is_said(
    open_services: Callable[..., Services], ollama: OllamaStandIn, num_ctx: int
) -> None:
    services = open_services(ollama_base_url=ollama.url, num_ctx=num_ctx)
    of = manual("Lang", "de")
    load(services, of, [_long_passage(of, page) for page in (6, 7, 8)])

    answer = await answer_to("Wie wird das Schneckengetriebe geschmiert?", services, machine="Lang")

    stage = next(stage for stage in answer.stages if stage.name == "generate")
    left_out = stage.attributes["passages_dropped"] + len(stage.attributes["passages_shortened"])
    assert left_out > 0
    assert "Schneckengetriebe" in ollama.history[-1].prompt
    assert not ollama.history[-1].truncated


async def test_a_window_too_small_for_the_notices_gives_a_quotation(
    open_services: Callable[..., Services], ollama: OllamaStandIn
) -> None:
    services = open_services(ollama_base_url=ollama.url, num_ctx=512)
    of = manual("Riesig", "de")
    warning = chunk(
        of, "GEFAHR\nLebensgefahr am Fräswerk! " + "Abstand halten und sichern. " * 60,
        page=9, heading=("1",), kind="notice", signal=compressor()[1][0].signal,
    )  # fmt: skip
    told = chunk(of, "Das Fräswerk wird am Pult gestartet.", page=9, heading=("1",),
                 notices=(warning,))  # fmt: skip
    load(services, of, [warning, told])

    answer = await answer_to("Wie wird das Fräswerk gestartet?", services)

    assert answer.mode == "quote"
    assert answer.reason == "quote.window"
    assert ollama.history == []
    assert [notice.text for notice in answer.notices] == [warning.text]


async def test_history_goes_before_passages(
    open_services: Callable[..., Services], ollama: OllamaStandIn
) -> None:
    services = open_services(ollama_base_url=ollama.url, num_ctx=1024)

    await answer_to(QUESTION, services, history=LONG_TALK)

    prompt = ollama.history[-1].prompt
    assert "24 l Kompressorenöl einfüllen" in prompt
    assert "Frage 0" not in prompt


def _long_passage(of: object, page: int) -> object:
    text = f"Abschnitt {page}: Das Schneckengetriebe wird alle {page}00 h geschmiert. " + " ".join(
        f"Schritt {n} beschreibt die Prüfung von Bauteil {n} an der Anlage." for n in range(60)
    )
    return chunk(of, text, page=page, heading=("4 Schmierung",))  # type: ignore[arg-type]
