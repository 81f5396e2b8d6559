"""The parts of the browser door that need no browser."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.chat.cards import notice_boxes, shortened, source_cards, told_apart
from rag.chat.history import KEPT_TURNS, remember, turns_of
from rag.chat.machines import (
    ALL,
    machine_mode,
    machine_of_address,
    modes_again,
    modes_of,
    scope_of,
    type_mode,
    types_of,
)
from rag.chat.starters import suggest
from rag.types import (
    Answer,
    Box,
    Chunk,
    Citation,
    Manual,
    ManualStatus,
    Notice,
    Scope,
    Signal,
    Turn,
)

CITATION = Citation(
    n=2,
    chunk_id="c",
    manual_id="m",
    title="Betriebsanleitung SK 37",
    machine="SK 37",
    revision="4.2",
    page=37,
    label="3-14",
    last_page=38,
    heading=("9 Störungen", "9.3 Störungsliste"),
    quote="E-104:\nÖlstand   zu niedrig",
    boxes=(Box(37, 0.1, 0.2, 0.9, 0.25), Box(38, 0.1, 0.0, 0.9, 0.1)),
    language="de",
)
NOTICE = Notice(
    chunk_id="n",
    signal=Signal.WARNING,
    word="WARNUNG",
    text="WARNUNG\nHeißes Öl!\nAbkühlen lassen; WARNUNG beachten.",
    manual_id="m",
    title="Betriebsanleitung SK 37",
    page=37,
    label="3-14",
    boxes=(),
    language="de",
)


def test_a_card_tells_the_printed_page_and_opens_the_physical_one() -> None:
    props = source_cards([CITATION], "en", {"m": 50}, "card.sources")
    [card] = props["sources"]
    assert card["n"] == 2
    assert card["section"] == "9 Störungen › 9.3 Störungsliste"
    assert card["quote"] == "E-104: Ölstand zu niedrig"
    place = card["place"]
    assert (place["page"], place["last"], place["label"], place["pages"]) == (37, 38, "3-14", 50)
    assert [box["page"] for box in place["boxes"]] == [37, 38]
    assert props["words"]["page"] == "Page"


def test_what_the_answer_does_not_rest_on_stands_apart() -> None:
    named = replace(CITATION, n=3, further=True)
    read_only = replace(CITATION, n=4)
    before = source_cards([CITATION, named, read_only], "en", {}, "card.sources")
    assert [card["n"] for card in before["sources"] if card["further"]] == [3]
    after = told_apart(before, [CITATION, named])
    assert [card["n"] for card in after["sources"] if card["further"]] == [3, 4]
    assert told_apart(after, [CITATION, named]) == after


def test_a_notice_keeps_its_words_and_loses_only_the_signal_word_that_stands_above_it() -> None:
    [box] = notice_boxes([NOTICE], "de", {})["notices"]
    assert box["word"] == "WARNUNG"
    assert box["text"] == "Heißes Öl!\nAbkühlen lassen; WARNUNG beachten."
    assert box["signal"] == "warning"


def test_long_quotes_end_at_a_word() -> None:
    assert shortened("kurz") == "kurz"
    cut = shortened("Ölfilter wechseln " * 40, letters=100)
    assert cut.endswith((" wechseln …", " Ölfilter …"))
    assert len(cut) <= 102


MACHINES = ["SK 37", "HP 160"]


@pytest.mark.parametrize(
    ("modes", "scope"),
    [
        ({"machine": "SK 37"}, Scope(machines=("SK 37",))),
        ({"machine": ALL}, Scope()),
        ({"machine": "somebody's"}, Scope()),
        ({}, Scope()),
        (None, Scope()),
    ],
)
def test_only_machines_that_exist_narrow_the_search(
    modes: dict[str, str] | None, scope: Scope
) -> None:
    assert scope_of(modes, MACHINES) == scope


def manual(machine: str, kind: str, status: ManualStatus = ManualStatus.ACTIVE) -> Manual:
    return Manual(
        kind + machine, "", "T", machine, kind, "1", "de", "a.pdf", pages=1, chunks=1, status=status
    )


def test_a_type_is_offered_where_a_machine_has_several() -> None:
    one = [manual("SK 37", "operating"), manual("HP 160", "parts")]
    assert types_of(one) == []
    old = manual("SK 37", "wiring", ManualStatus.SUPERSEDED)
    assert types_of([*one, manual("SK 37", "parts"), old]) == ["operating", "parts"]
    mode = type_mode(["operating", "parts"], "de")
    assert [option.id for option in mode.options] == [ALL, "operating", "parts"]
    assert [option.id for option in mode.options if option.default] == [ALL]


@pytest.mark.parametrize(
    ("chosen", "types"),
    [("parts", ("parts",)), (ALL, ()), ("somebody's", ()), ("wiring", ())],
)
def test_only_types_that_exist_narrow_the_search(chosen: str, types: tuple[str, ...]) -> None:
    modes = {"machine": "SK 37", "manual_type": chosen}
    scope = scope_of(modes, MACHINES, ["operating", "parts"])
    assert scope == Scope(machines=("SK 37",), types=types)


def test_machine_of_the_address() -> None:
    assert machine_of_address("http://x/?machine=sk%2037", MACHINES) == "SK 37"
    assert machine_of_address("http://x/?machine=other", MACHINES) == ""
    assert machine_of_address("", MACHINES) == ""
    mode = machine_mode(MACHINES, "de", "HP 160")
    assert [option.id for option in mode.options if option.default] == ["HP 160"]


def chunk(**changes: object) -> Chunk:
    plain = Chunk(
        id="c",
        manual_id="m",
        position=0,
        text="",
        kind="text",
        heading=("7 Wartung", "7.5 Ölfilter wechseln"),
        first_page=1,
        last_page=1,
        first_label="1",
        last_label="1",
        language="de",
        content_hash="h",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_starters_come_from_what_the_manual_holds() -> None:
    manual = Manual(
        "m", "s", "Betriebsanleitung", "SK 37", "", "", "de", "f.pdf", 1, 1, ManualStatus.ACTIVE
    )
    assert suggest(manual, [chunk()], "de") == []
    made = suggest(
        manual,
        [chunk(kind="procedure"), chunk(kind="fault", codes=("E-104",)), chunk(kind="fault")],
        "de",
    )
    assert [one.label for one in made] == ["Was bedeutet E-104?", "Ölfilter wechseln"]
    assert made[0].question == "SK 37: Was bedeutet die Störung E-104 und was ist zu tun?"


def test_turns_of_a_kept_conversation() -> None:
    thread = {
        "steps": [
            {"type": "user_message", "output": "Was ist E-104?", "modes": {"machine": "SK 37"}},
            {"type": "run", "output": "Was ist E-104?"},
            {"type": "assistant_message", "output": ""},
            {"type": "assistant_message", "output": "Ölstand zu niedrig [1]."},
            {"type": "user_message", "output": "", "command": "upload"},
            {"type": "user_message", "output": "Angehalten?"},
            {"type": "user_message", "output": "Und E-105?", "modes": {"machine": ALL}},
            {"type": "assistant_message", "output": "Siehe Seite 3 [1]."},
        ]
    }
    assert turns_of(thread) == (
        Turn("Was ist E-104?", "Ölstand zu niedrig [1].", "SK 37"),
        Turn("Und E-105?", "Siehe Seite 3 [1].", None),  # of no machine of the name "all"
    )


def test_only_the_last_turns_are_remembered() -> None:
    answer = Answer(
        "a", "Und wie oft?", "Wie oft Öl wechseln?", "Alle 4.000 h [1].", "quote", "de",
        (CITATION,), (), (), (), {},
    )  # fmt: skip
    turns: tuple[Turn, ...] = ()
    for _ in range(KEPT_TURNS + 3):
        turns = remember(turns, answer, Scope())
    assert len(turns) == KEPT_TURNS
    assert turns[-1] == Turn("Wie oft Öl wechseln?", "Alle 4.000 h [1].", "SK 37")


def test_a_question_asked_anew_is_about_the_machine_of_then() -> None:
    def step(text: str, machine: str) -> dict[str, object]:
        return {"type": "user_message", "output": text, "modes": {"machine": machine}}

    by_button = {"type": "user_message", "output": "E-104", "modes": None}
    asked = modes_of({"steps": [step("E-104", "HP 160"), step("Öl?", "SK 37"), by_button]})
    assert modes_again("E-104", asked) == {"machine": "HP 160"}
    assert modes_again("Was nun?", asked) == {"machine": "SK 37"}
    assert modes_again("E-104", {}) is None
