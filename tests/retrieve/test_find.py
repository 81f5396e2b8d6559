"""A question finds its page, in the words of the workshop."""

from __future__ import annotations

import pytest

from rag.retrieve.find import find_passages
from rag.types import Scope, Stage
from tests.retrieve.corpus import SmallServices

COMPRESSOR = "Schraubenkompressor KX-200"
PRESS = "Hydraulic press HP-63"


@pytest.mark.parametrize(
    ("question", "page"),
    [
        ("Wie fest muss ich die Schrauben anziehen?", 34),
        ("Der Riemen quietscht, was prüfen?", 33),
        ("Wie viele Umdrehungen macht der Motor?", 8),
        ("Die Verschraubung leckt", 40),
        ("How fast does it turn in rpm?", 8),
        ("Wie schalte ich den Strom ab?", 5),
        ("Bei wieviel bar läuft er?", 8),
        ("Luftfilter Bestellnummer", 50),
        ("Was bedeutet Fehler 105?", 41),
    ],
)
async def test_words_of_the_workshop(services: SmallServices, question: str, page: int) -> None:
    found = await find_passages(question, Scope(machines=(COMPRESSOR,)), services=services)
    assert page in [hit.chunk.first_page for hit in found.hits]


async def test_stages_are_reported(services: SmallServices) -> None:
    stages: list[Stage] = []
    found = await find_passages("Öl wechseln", Scope(), services=services, on_stage=stages.append)
    names = [stage.name for stage in stages]
    assert names == ["scope", "bm25", "near", "dedup", "verdict"]
    assert all(stage.ended_ns >= stage.started_ns for stage in stages)
    assert stages[-2].chunk_ids == tuple(hit.chunk.id for hit in found.stages["final"])


async def test_code_comes_first_and_never_its_neighbour(services: SmallServices) -> None:
    found = await find_passages("E-105", Scope(machines=(COMPRESSOR,)), services=services)
    assert found.hits[0].chunk.codes == ("E-105",)
    assert found.verdict == "found"
    assert all(hit.chunk.codes in ((), ("E-105",)) for hit in found.stages["final"])


async def test_missing_code_is_said_and_not_replaced(services: SmallServices) -> None:
    found = await find_passages(
        "Was bedeutet E-512?", Scope(machines=(COMPRESSOR,)), services=services
    )
    assert (found.missing_code, found.verdict) == ("E-512", "absent")
    assert found.hits == ()
    more = "E-512: Verdichtungsendtemperatur zu hoch"
    found = await find_passages(more, Scope(machines=(COMPRESSOR,)), services=services)
    ranked = found.stages["reranked"]
    assert {code for hit in ranked for code in hit.chunk.codes}, "its neighbours were found"
    assert not {code for hit in found.stages["final"] for code in hit.chunk.codes}


async def test_same_code_on_two_machines(services: SmallServices) -> None:
    found = await find_passages("E 104", Scope(), services=services)
    assert found.ambiguous_code is not None
    assert {hit.chunk.machine for hit in found.hits[:2]} == {COMPRESSOR, PRESS}


async def test_machine_in_the_question_narrows(services: SmallServices) -> None:
    found = await find_passages("E-104 an der HP-63", Scope(), services=services)
    assert found.ambiguous_code is None
    assert {hit.chunk.machine for hit in found.stages["final"]} == {PRESS}


async def test_machine_in_the_question_never_widens(services: SmallServices) -> None:
    found = await find_passages(
        "Ölmenge der HP-63", Scope(machines=(COMPRESSOR,)), services=services
    )
    assert found.hits == () and found.verdict == "absent"
    assert "machine_outside_scope" in found.notes
