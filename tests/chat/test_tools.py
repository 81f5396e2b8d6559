"""What is copied and saved of an answer."""

from __future__ import annotations

import json
from dataclasses import replace

from rag.chat.tools import answer_tools, citation_text, printed_pages, record
from rag.types import Answer, Check, Stage
from tests.chat.test_parts import CITATION, NOTICE

ANSWER = Answer(
    id="a",
    question="Und beim SK 37?",
    understood_as="Ölwechsel beim SK 37?",
    text="46 l Öl nachfüllen [2].",
    mode="llm",
    language="de",
    citations=(CITATION,),
    notices=(NOTICE,),
    checks=(Check("46 l", "number", "found", 2),),
    stages=(Stage("bm25", 0, 1_000_000),),
    provenance={"question": "Und beim SK 37?", "passages": [], "checks": [{"text": "46 l"}]},
)


def test_what_is_copied_holds_all_that_counts_safety_first() -> None:
    lines = [line for line in citation_text(ANSWER, "de").splitlines() if line]
    assert lines == [
        "Frage: Und beim SK 37?",
        "Sicherheitshinweise:",
        "WARNUNG: Heißes Öl!",
        "Abkühlen lassen; WARNUNG beachten.",
        "(Betriebsanleitung SK 37, Seite 3-14)",
        "Antwort:",
        "46 l Öl nachfüllen [2].",
        "Quellen:",
        "[2] Betriebsanleitung SK 37 (Rev. 4.2), SK 37, Seite 3-14",
        "Antwort einer KI (Millwright). Maßgeblich ist das Handbuch.",
    ]


def test_further_places_are_copied_as_such_and_not_printed() -> None:
    further = replace(CITATION, n=3, page=40, label="3-17", last_page=40, further=True)
    answer = replace(ANSWER, citations=(CITATION, further))
    named, places, _ = citation_text(answer, "en").split("\n\n")[-3:]
    assert named.startswith("Sources:\n[2]")
    assert places.startswith("Further places:\n[3]")
    assert [sheet["page"] for sheet in printed_pages(answer)] == [37, 38]


def test_what_is_saved_survives_json_and_says_things_once() -> None:
    saved = json.loads(json.dumps(record(ANSWER)))
    assert saved["checks"] == [{"text": "46 l", "kind": "number", "status": "found", "passage": 2}]
    assert "checks" not in saved["provenance"]
    assert saved["notices"][0]["text"] == NOTICE.text


def test_a_follow_up_is_asked_anew_as_it_was_understood() -> None:
    assert answer_tools(ANSWER, "run", "thread", "de")["again"] == "Ölwechsel beim SK 37?"
