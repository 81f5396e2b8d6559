"""What is copied and saved of an answer."""

from __future__ import annotations

import json

from rag.chat.tools import answer_tools, citation_text, record
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


def test_what_is_saved_survives_json_and_says_things_once() -> None:
    saved = json.loads(json.dumps(record(ANSWER)))
    assert saved["checks"] == [{"text": "46 l", "kind": "number", "status": "found", "passage": 2}]
    assert "checks" not in saved["provenance"]
    assert saved["notices"][0]["text"] == NOTICE.text


def test_a_follow_up_is_asked_anew_as_it_was_understood() -> None:
    assert answer_tools(ANSWER, "run", "thread", "de")["again"] == "Ölwechsel beim SK 37?"
