"""A long procedure is told with its earlier and later steps."""

from __future__ import annotations

from dataclasses import replace

from rag.answer.passages import choose_passages
from rag.answer.relevance import Relevance
from rag.answer.steps import with_neighbours
from rag.services import Services
from rag.types import Chunk, Hit, Retrieval, Signal
from tests.answer.small_library import chunk, load, manual

LATHE = manual("Drehe D 4", "de")
HEADING = ("6", "6.3 Spindellager tauschen")


def parts(*texts: str, page: int = 20) -> list[Chunk]:
    """Procedures under one heading, a page each."""
    return [
        replace(
            chunk(LATHE, text, page=page + place, heading=HEADING, kind="procedure"),
            position=page * 100 + place,
        )
        for place, text in enumerate(texts)
    ]


def test_the_steps_before_and_after_are_told_with_it(quoting: Services) -> None:
    first, second, third = parts(
        "1. Hauptschalter ausschalten und abschließen.\n2. Haube abnehmen.",
        "3. Lagerdeckel lösen.\n4. Spindellager abziehen.",
        "5. Neues Lager aufpressen.\n6. Haube aufsetzen.",
    )
    load(quoting, LATHE, [first, second, third])
    question = "Wie ziehe ich das Spindellager ab?"
    relevance = Relevance(quoting.keywords.build(), question, "de", {"de"})
    found = Retrieval((Hit(second),), {}, "found")

    (passage,) = choose_passages(found, relevance, quoting.library, 3)

    told = passage.hit.chunk
    assert told.text == f"{first.text}\n{second.text}\n{third.text}"
    assert [one.id for one in passage.pieces] == [first.id, second.id, third.id]
    assert (told.first_page, told.last_page) == (20, 22)
    assert {box.page for box in told.boxes} == {20, 21, 22}


def test_its_earlier_steps_bring_their_warning(quoting: Services) -> None:
    warning = chunk(LATHE, "GEFAHR\nStromschlag!", page=20, heading=HEADING, kind="notice",
                    signal=Signal.DANGER)  # fmt: skip
    first, second = parts("1. Ausschalten.\n2. Haube abnehmen.", "3. Spindellager abziehen.")
    first = replace(first, notices=(warning.id,))
    load(quoting, LATHE, [replace(warning, position=1999), first, second])
    relevance = Relevance(quoting.keywords.build(), "Spindellager abziehen", "de", {"de"})

    (passage,) = choose_passages(
        Retrieval((Hit(second),), {}, "found"), relevance, quoting.library, 3
    )

    assert passage.hit.chunk.notices == (warning.id,)


def test_another_procedure_of_the_heading_is_not_told() -> None:
    off, on = parts("1. Ausschalten.\n2. Abschließen.", "1. Entriegeln.\n2. Einschalten.")
    assert with_neighbours(on, [off, on]) == [on]
    assert with_neighbours(off, [off, on]) == [off]


def test_a_very_long_procedure_is_told_in_part() -> None:
    steps = [f"{number}. {'Schraube lösen. ' * 60}".strip() for number in range(1, 6)]
    section = parts(*steps)
    told = with_neighbours(section[2], section)
    assert told == section[1:3]  # the step before, as far as there is room
