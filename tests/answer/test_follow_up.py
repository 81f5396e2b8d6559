"""A follow-up becomes a question of its own."""

from __future__ import annotations

import pytest

from rag.answer.follow_up import by_rule, is_follow_up, understand
from rag.models.llm import chat_model
from rag.retrieve.glossary import load_glossary
from rag.retrieve.scope import narrow
from rag.settings import Settings
from rag.types import Language, Scope, Turn
from tests.answer.follow_ups import COMPRESSOR, FOLLOW_UPS, PRESS, WHOLE
from tests.stand_in.ollama import Failure, OllamaStandIn

GLOSSARY = load_glossary()
PRESSURE = Turn("Wie hoch ist der Druck am ersten Zylinder?", "250 bar [1].", "HP 200")
FAULT = Turn("Was bedeutet Fehler E-104 am Kompressor?", "Zu heiß [1].", "SK 37")


@pytest.mark.parametrize(
    ("question", "language", "expected"),
    [
        ("und beim zweiten Zylinder?", "de", True),
        ("Und E-105?", "de", True),
        ("Wie fest wird sie angezogen?", "de", True),
        ("Wie oft?", "de", True),
        ("What about the return cylinder?", "en", True),
        ("How often does it have to be checked?", "en", True),
        ("Was bedeutet E-105?", "de", False),
        ("Wie wechsle ich den Ölfilter am Schraubenkompressor?", "de", False),
        ("What is the tightening torque of the tie rod nut?", "en", False),
    ],
)
def test_follow_ups_are_told_from_questions(
    question: str, language: Language, expected: bool
) -> None:
    assert is_follow_up(question, [FAULT], language) is expected
    assert not is_follow_up(question, [], language)


def test_the_rule_carries_subject_and_machine_over() -> None:
    made = by_rule("und beim zweiten Zylinder?", [PRESSURE], "de")

    assert "zweiten Zylinder" in made
    assert "Druck" in made
    assert "HP 200" in made


def test_a_new_code_takes_the_place_of_the_old_one() -> None:
    assert by_rule("Und E-105?", [FAULT], "de") == "Was bedeutet Fehler E-105 am Kompressor?"


def test_a_chain_of_follow_ups_goes_back_to_its_subject() -> None:
    chain = [PRESSURE, Turn("und beim zweiten?", "90 bar [1].", "HP 200")]

    assert "Druck" in by_rule("und beim dritten?", chain, "de")


async def test_the_machine_narrows_the_scope_unless_one_was_chosen() -> None:
    carried = await understand("und beim zweiten?", [PRESSURE], Scope(), "de", None)
    chosen = await understand("und beim zweiten?", [PRESSURE], Scope(("SK 37",)), "de", None)

    assert carried.scope == Scope(("HP 200",))
    assert chosen.scope == Scope(("SK 37",))
    assert carried.by == "rule"


@pytest.mark.parametrize(
    ("written", "by"),
    [
        ("Wie hoch ist der Druck am zweiten Zylinder?", "model"),
        ("Was bedeutet E-999 am zweiten Zylinder?", "rule"),
        ("Hier ist ein Gedicht über Wolken und Wind.", "rule"),
        (Failure("drop"), "rule"),
    ],
)
async def test_the_models_version_is_taken_only_when_it_is_sound(
    ollama: OllamaStandIn, written: str | Failure, by: str
) -> None:
    ollama.enqueue(written)
    chat = chat_model(Settings(ollama_base_url=ollama.url))

    made = await understand("und beim zweiten Zylinder?", [PRESSURE], Scope(), "de", chat)

    assert made.by == by
    assert "zweiten Zylinder" in made.question


def named(text: str) -> tuple[str, ...]:
    return narrow(text, Scope(), [COMPRESSOR, PRESS], GLOSSARY).named


@pytest.mark.parametrize(
    ("before", "machine", "question", "language", "holds", "lacks", "searched"), FOLLOW_UPS
)
async def test_subject_and_machine_are_carried_over(
    before: str,
    machine: str,
    question: str,
    language: Language,
    holds: str,
    lacks: str,
    searched: str,
) -> None:
    history = [Turn(before, "… [1]", machine)]

    made = await understand(question, history, Scope(), language, None, named)

    assert made.by == "rule"
    assert holds in made.question
    assert not lacks or lacks not in made.question
    assert made.scope == Scope((searched,) if searched else ())
    if not searched:  # what it names decides where it is searched
        assert named(made.question) and machine not in named(made.question)


@pytest.mark.parametrize(("question", "language"), WHOLE)
async def test_a_whole_question_is_left_as_it_is(question: str, language: Language) -> None:
    for before in (FAULT, PRESSURE):
        made = await understand(question, [before], Scope(), language, None, named)

        assert (made.question, made.scope, made.by) == (question, Scope(), "as typed")


async def test_a_follow_up_of_a_follow_up_keeps_the_subject() -> None:
    first = Turn("Wie wechsle ich den Ölfilter?", "… [1]", COMPRESSOR)
    second = await understand("wie fest?", [first], Scope(), "de", None, named)
    turns = [first, Turn(second.question, "25 Nm [1]", COMPRESSOR)]

    third = await understand("und wie oft?", turns, Scope(), "de", None, named)

    assert third.question == f"Wie oft? (Wie wechsle ich den Ölfilter, {COMPRESSOR})"


def test_there_are_thirty() -> None:
    assert len({(before, question) for before, _, question, *_ in FOLLOW_UPS}) == 30
