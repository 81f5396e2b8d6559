"""Many manuals that hardly differ: revisions of one, and sister machines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rag.retrieve.find import find_passages
from rag.types import Scope
from tests.retrieve.corpus import COMPRESSOR, Passage, SmallServices, open_services, publish

SISTERS = 24
QUESTIONS = [
    ("Wie fest muss ich die Schrauben anziehen?", 34),
    ("Wie oft Öl wechseln?", 36),
    ("Drehzahl?", 8),
    ("Der Riemen quietscht, was prüfen?", 33),
    ("Die Verschraubung leckt", 40),
    ("Wie schalte ich den Strom ab?", 5),
]


def passages(number: int) -> list[Passage]:
    """The same manual with a torque of its own."""
    return [
        (page, heading, text.replace("25 Nm", f"{25 + number} Nm"), more)
        for page, heading, text, more in COMPRESSOR
    ]


@pytest.fixture(scope="module")
def sisters(tmp_path_factory: pytest.TempPathFactory) -> SmallServices:
    services = open_services(tmp_path_factory.mktemp("sisters"))
    for number in range(SISTERS):
        publish(services, f"Schraubenkompressor KX-{200 + number}", "de", passages(number))
    return services


@pytest.mark.parametrize(("question", "page"), QUESTIONS)
async def test_they_are_answered_as_one_would_be(
    sisters: SmallServices, tmp_path: Path, question: str, page: int
) -> None:
    alone = open_services(tmp_path)
    publish(alone, "Schraubenkompressor KX-207", "de", passages(7))
    one = await find_passages(question, Scope(), services=alone)
    chosen = Scope(machines=("Schraubenkompressor KX-207",))
    for scope in (Scope(), chosen):
        found = await find_passages(question, scope, services=sisters)
        assert found.hits[0].chunk.first_page == page
        assert found.verdict == one.verdict != "absent"
        assert found.confidence == pytest.approx(one.confidence, abs=0.05)
    assert [hit.chunk.text for hit in found.hits] == [hit.chunk.text for hit in one.hits]


async def test_the_chosen_sister_has_its_own_value(sisters: SmallServices) -> None:
    question = "Anzugsdrehmoment der Schrauben M8 am KX-219?"
    found = await find_passages(question, Scope(), services=sisters)
    assert "M8: 44 Nm" in found.hits[0].chunk.text


async def test_copies_leave_room_for_other_passages(sisters: SmallServices) -> None:
    found = await find_passages("Öl wechseln, Kühler reinigen", Scope(), services=sisters)
    pages = {hit.chunk.first_page for hit in found.stages["bm25"]}
    assert {36, 41} <= pages
    assert len(found.stages["bm25"]) <= sisters.settings.keyword_depth


async def test_what_none_of_them_has_is_absent(sisters: SmallServices) -> None:
    nowhere = replace(Scope(), machines=())
    found = await find_passages("Welche Reifen gehören an den Anhänger?", nowhere, services=sisters)
    assert found.verdict == "absent"
