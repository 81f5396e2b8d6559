"""The story of a question, with a real library and a stand-in Ollama."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing

from rag.answer.ask import ask
from rag.services import Services
from rag.types import (
    Done,
    Event,
    Failed,
    Notices,
    Replaced,
    Scope,
    Signal,
    Sources,
    Status,
    Token,
    Turn,
    Understood,
)
from tests.answer.conftest import TECHNICIAN, answer_to, events_of
from tests.answer.small_library import COMPRESSOR, PRESS
from tests.stand_in.ollama import Failure, OllamaStandIn, Reply


def order_of(events: list[Event]) -> list[str]:
    """The kinds of events without ``Status``, repetitions melted."""
    kinds = [type(event).__name__ for event in events if not isinstance(event, Status)]
    return [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]


async def test_quote_mode_tells_notices_sources_quotation_in_this_order(quoting: Services) -> None:
    events = await events_of("Wie wechsle ich das Kompressorenöl?", quoting)

    assert order_of(events) == ["Notices", "Sources", "Token", "Done"]
    notices = next(event for event in events if isinstance(event, Notices)).notices
    assert [notice.signal for notice in notices] == [Signal.DANGER, Signal.CAUTION]
    answer = events[-1]
    assert isinstance(answer, Done)
    assert answer.answer.mode == "quote"
    for step in ("1. Anlage ausschalten", "4. 24 l Kompressorenöl einfüllen."):
        assert step in answer.answer.text
    assert "ollama pull mistral" in answer.answer.text


async def test_the_model_writes_and_its_words_arrive_in_pieces(
    writing: Services, ollama: OllamaStandIn
) -> None:
    ollama.enqueue("Die Ölablassschraube wird mit 45 Nm angezogen [1]. Danach Ölstand prüfen [1].")

    events = await events_of("Wie fest wird die Ölablassschraube angezogen?", writing)

    assert order_of(events) == ["Notices", "Sources", "Token", "Done"]
    assert sum(isinstance(event, Token) for event in events) > 3
    done = events[-1]
    assert isinstance(done, Done)
    assert done.answer.mode == "llm"
    assert done.answer.text.startswith("Die Ölablassschraube wird mit 45 Nm angezogen [1].")
    assert [check.status for check in done.answer.checks] == ["found"]
    request = ollama.history[0]
    assert request.options["num_ctx"] == writing.settings.num_ctx
    assert not request.truncated


async def test_every_stage_is_told_with_its_time(writing: Services) -> None:
    events = await events_of("Was bedeutet E-105?", writing)

    stages = [event.stage for event in events if isinstance(event, Status) and event.stage]
    names = [stage.name for stage in stages]
    for expected in ("understand", "scope", "exact", "bm25", "dedup", "notices", "generate"):
        assert expected in names
    assert all(stage.ended_ns >= stage.started_ns for stage in stages)
    done = events[-1]
    assert isinstance(done, Done)
    assert list(done.answer.stages) == stages


async def test_a_model_that_dies_is_finished_by_the_quotation(
    writing: Services, ollama: OllamaStandIn
) -> None:
    ollama.enqueue(
        Failure("drop", after=8, text="Zuerst muss die Anlage ganz drucklos sein und dann")
    )

    answer = await answer_to("Wie wechsle ich das Kompressorenöl?", writing)

    assert answer.mode == "completed_by_quote"
    stopped = answer.text.index("Das Sprachmodell hat mitten in der Antwort aufgehört")
    assert answer.text.index("Zuerst muss die") < stopped
    assert "4. 24 l Kompressorenöl einfüllen." in answer.text
    assert answer.reason == "error.llm_stopped"


async def test_a_model_that_says_nothing_is_replaced_by_the_quotation(
    writing: Services, ollama: OllamaStandIn
) -> None:
    ollama.enqueue(Reply([]))

    answer = await answer_to("Wie wechsle ich das Kompressorenöl?", writing)

    assert answer.mode == "completed_by_quote"
    assert "24 l Kompressorenöl" in answer.text
    assert len(answer.notices) == 2


async def test_a_wrong_central_value_is_withdrawn(writing: Services, ollama: OllamaStandIn) -> None:
    ollama.enqueue("Die Ölablassschraube wird mit 85 Nm angezogen [1].")

    events = await events_of("Wie fest wird die Ölablassschraube angezogen?", writing)

    replaced = [event for event in events if isinstance(event, Replaced)]
    assert len(replaced) == 1
    done = events[-1]
    assert isinstance(done, Done)
    assert done.answer.text == replaced[0].text
    assert "45 Nm" in done.answer.text
    assert done.answer.mode == "quote"
    unmarked = "".join(event.text for event in events if isinstance(event, Token))
    assert "85 Nm **(nicht im Handbuch gefunden)**" in unmarked


async def test_a_wrong_side_value_is_marked(writing: Services, ollama: OllamaStandIn) -> None:
    ollama.enqueue(
        "Die Ölablassschraube wird mit 45 Nm angezogen [1]. Danach 24 l Kompressorenöl einfüllen "
        "[1]. Das Öl vorher auf 95 °C erwärmen [1]."
    )

    answer = await answer_to("Wie fest wird die Ölablassschraube angezogen?", writing)

    assert answer.mode == "llm"
    assert "95 °C **(nicht im Handbuch gefunden)**" in answer.text
    assert answer.text.count("nicht im Handbuch") == 1


async def test_nothing_found_is_said_with_the_nearest_places(quoting: Services) -> None:
    answer = await answer_to("Wie koche ich Spaghetti Bolognese mit Parmesan?", quoting)

    assert answer.mode == "refusal"
    assert answer.citations == ()
    assert "nichts gefunden" in answer.text
    assert "die Maschine auswählen" in answer.text
    assert answer.perhaps == ()  # nothing says a word of it


async def test_a_code_that_is_not_there_is_named(quoting: Services) -> None:
    german = await answer_to("Was bedeutet E-512?", quoting, machine=COMPRESSOR)
    english = await answer_to("What does E-512 mean?", quoting, machine=PRESS)

    assert (german.mode, english.mode) == ("refusal", "refusal")
    assert f"Der Code E-512 steht nicht in den Handbüchern zu {COMPRESSOR}." in german.text
    assert f"Code E-512 is not in the manuals of {PRESS}." in english.text
    assert "E-105" not in german.text


async def test_beside_a_code_that_is_not_there_the_rest_of_the_question_counts(
    quoting: Services,
) -> None:
    bare = await answer_to("Was bedeutet E-512 am SK 37?", quoting)
    more = await answer_to("E-512 am SK 37! Anzugsdrehmoment der Ablassschraube?", quoting)

    assert f"steht nicht in den Handbüchern zu {COMPRESSOR}." in bare.text
    assert bare.perhaps == ()
    assert more.mode == "refusal"
    assert more.perhaps[0].heading[-1] == "2.8 Anzugsdrehmomente"


async def test_a_code_of_two_machines_is_shown_for_both(
    writing: Services, ollama: OllamaStandIn
) -> None:
    answer = await answer_to("Was bedeutet E-104?", writing)

    assert answer.mode == "quote"
    assert "Verdichtungsendtemperatur" in answer.text
    assert "Oil level low" in answer.text
    assert COMPRESSOR in answer.text
    assert PRESS in answer.text
    assert ollama.history == []


async def test_values_of_two_machines_are_never_mixed(quoting: Services) -> None:
    answer = await answer_to("Wie hoch ist der Betriebsdruck des SK 37?", quoting)

    assert {citation.machine for citation in answer.citations} == {COMPRESSOR}
    assert "8 bar" in answer.text
    assert "250 bar" not in answer.text


async def test_the_answer_speaks_the_language_of_the_question(quoting: Services) -> None:
    answer = await answer_to("What is the working pressure of the main cylinder?", quoting)

    assert answer.language == "en"
    assert "Quoted from the manual" in answer.text
    assert "250 bar" in answer.text


async def test_a_follow_up_is_understood_and_shown(
    writing: Services, ollama: OllamaStandIn
) -> None:
    ollama.enqueue("What is the pressure of the return cylinder?", "It is 90 bar [1].")
    history = (
        Turn("What is the working pressure of the main cylinder?", "It is 250 bar [1].", PRESS),
    )

    events = await events_of("And the return cylinder?", writing, history=history)

    understood = [event for event in events if isinstance(event, Understood)]
    assert understood == [Understood("What is the pressure of the return cylinder?")]
    done = events[-1]
    assert isinstance(done, Done)
    assert done.answer.text == "It is 90 bar [1]."
    assert done.answer.provenance["scope"]["machines"] == (PRESS,)


async def test_closing_the_answer_stops_the_model(writing: Services, ollama: OllamaStandIn) -> None:
    ollama.enqueue(Failure("silent", after=4, text="Zuerst die Anlage ausschalten und warten"))
    asked = ask(
        "Wie wechsle ich das Kompressorenöl?",
        user=TECHNICIAN,
        scope=Scope(),
        history=(),
        services=writing,
    )
    async with aclosing(asked) as events:
        async for event in events:
            if isinstance(event, Token):
                break

    request = ollama.history[0]
    assert await asyncio.to_thread(request.cancelled.wait, 5)


async def test_a_broken_database_fails_and_is_no_answer(
    open_services: Callable[..., Services],
) -> None:
    services = open_services()
    folder = services.settings.data_dir
    services.database.dispose()
    folder.rename(folder.with_name("away"))
    try:
        events = await events_of("Wie wechsle ich das Kompressorenöl?", services)
    finally:
        folder.with_name("away").rename(folder)

    assert isinstance(events[-1], Failed)
    assert not any(isinstance(event, Token | Done) for event in events)


async def test_an_empty_question_fails_at_once(quoting: Services) -> None:
    assert await events_of("   ", quoting) == [Failed("answer.question_empty")]


async def test_provenance_finds_the_same_passages_again(quoting: Services) -> None:
    first = await answer_to("Wie wechsle ich das Kompressorenöl?", quoting)
    kept = json.loads(json.dumps(first.provenance))

    again = await answer_to(kept["understood_as"], quoting)

    assert kept["passages"][0]["sha256"]
    assert kept["passages"][0]["revision"] == "4.2"
    ids = [passage["chunk_id"] for passage in kept["passages"]]
    assert ids == [passage["chunk_id"] for passage in again.provenance["passages"]]


async def test_sources_come_before_the_first_word(writing: Services) -> None:
    events = await events_of("Wie wechsle ich das Kompressorenöl?", writing)

    sources = next(place for place, event in enumerate(events) if isinstance(event, Sources))
    first_word = next(place for place, event in enumerate(events) if isinstance(event, Token))
    assert sources < first_word


async def test_another_machine_than_the_chosen_one_is_never_answered_for(
    quoting: Services,
) -> None:
    answer = await answer_to("What is the pressure of the HP 200?", quoting, machine=COMPRESSOR)

    assert (answer.mode, answer.reason) == ("refusal", "refusal.machine_not_chosen")
    assert f"The question names {PRESS}, but {COMPRESSOR} is chosen" in answer.text


async def test_what_a_model_wrote_from_weak_passages_carries_its_word_of_doubt(
    writing: Services, ollama: OllamaStandIn
) -> None:
    doubt = "Nicht sicher, ob die Fundstellen die Frage treffen"
    seen = set()
    for question in (
        "Was bedeutet E-105?",
        "Wie erreiche ich 56 Hz am Riemen?",
        "Welche Drehzahl hat der Verdichterblock?",
    ):
        ollama.enqueue("Das steht im Handbuch [1].")
        answer = await answer_to(question, writing)
        verdict = answer.provenance["verdict"]
        seen.add(verdict)
        assert (doubt in answer.text) == (verdict == "weak")
        assert answer.text.startswith(f"*{doubt}") == (verdict == "weak")

    assert {"found", "weak"} <= seen


async def test_a_quotation_in_the_model_s_place_carries_the_doubt_once(
    writing: Services, ollama: OllamaStandIn
) -> None:
    for failure in (Reply([]), Failure("drop", after=3)):
        ollama.enqueue(failure)
        answer = await answer_to("Welche Drehzahl hat der Verdichterblock?", writing)
        assert answer.provenance["verdict"] == "weak"
        assert answer.mode == "completed_by_quote"
        assert answer.text.count("Nicht sicher, ob") == 1
