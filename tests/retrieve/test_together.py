"""What is asked for stands in one sentence, with its unit; and what a question asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.retrieve.analyzer import Analyzer, pieces
from rag.retrieve.asked import asked_quantity, has_unit
from rag.retrieve.closer import Looked, evidence_of
from rag.retrieve.compounds import CompoundSplitter
from rag.retrieve.find import find_passages
from rag.retrieve.intent import intent_of
from rag.retrieve.search import Search, ignore
from rag.retrieve.terms import Group
from rag.retrieve.together import Nearness, Together, sentences
from rag.retrieve.verdict import Evidence, judge
from rag.types import Hit, Language, Scope
from tests.retrieve.corpus import SmallServices


@pytest.mark.parametrize(
    ("question", "language", "intent"),
    [
        ("Wie oft muss der Filter neu?", "de", "interval"),
        ("Wann ist der Riemen fällig?", "de", "interval"),
        ("How often do I grease it?", "en", "interval"),
        ("Teilenummer vom Ölfilter", "de", "part"),
        ("Order number for the seal kit", "en", "part"),
        ("Wie hoch ist der Betriebsdruck?", "de", "value"),
        ("What torque for the drain plug?", "en", "value"),
        ("Wie wechsle ich den Filter?", "de", "how"),
        ("How do I bleed it?", "en", "how"),
        ("Der Motor brummt und läuft nicht an", "de", "symptom"),
        ("The oil is foaming", "en", "symptom"),
        ("Schreib mir ein Gedicht", "de", "other"),
        ("Tell me a joke", "en", "other"),
        ("Was bedeutet die rote Lampe?", "de", "other"),
    ],
)
def test_intent(question: str, language: Language, intent: str) -> None:
    assert intent_of(question, language) == intent


@pytest.mark.parametrize(
    ("question", "language", "sentence", "there"),
    [
        ("Wie schwer ist der Motor?", "de", "Der Motor wiegt 245 kg.", True),
        ("Wie schwer ist der Motor?", "de", "Motor mit 37 kW", False),
        ("Drehzahl?", "de", "Drehzahl [1/min] 2950", True),
        ("Was kostet der Motor?", "de", "Motor, 245 kg", False),
        ("How often to check the hoses?", "en", "Check hoses: weekly", True),
        ("How tight is the bolt?", "en", "Bolt M8: 25 Nm", True),
    ],
)
def test_the_unit_that_is_asked_for(
    question: str, language: Language, sentence: str, there: bool
) -> None:
    assert has_unit(sentence, asked_quantity(question, language).units) is there


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Wie schalte ich den Strom am Schrank ab?", "de"),
        ("Welches Passwort hat die Steuerung?", "de"),  # "teuer" inside
        ("Welcher Alarm kommt im Programm?", "de"),  # "larm", "gramm"
        ("Which programs are there?", "en"),  # "grams"
        ("Wie lautet der Name?", "de"),  # "wie laut"
        ("Was ist Umkehrspiel?", "de"),  # a word to be explained
    ],
)
def test_a_word_is_no_quantity_where_none_is_asked_for(question: str, language: Language) -> None:
    assert not asked_quantity(question, language).units


@pytest.mark.parametrize(
    ("question", "language", "unit", "other"),
    [
        ("Wie lange dauert es, bis kein Druck mehr da ist?", "de", "min", "bar"),
        ("Wie lang muss ich vor dem Öffnen warten?", "de", "min", "mm"),
        ("Wie lang ist der Riemen?", "de", "mm", "min"),
        ("Wie oft muss der Druck geprüft werden?", "de", "h", "bar"),
        ("Anzugsmoment der Schrauben am Schutzgitter?", "de", "nm", "mm"),
        ("Ab wieviel mm/s kommt die Warnung?", "de", "mm/s", "mm"),
        ("How long does a tool change take?", "en", "min", "interval"),
    ],
)
def test_the_quantity_that_is_asked_for(
    question: str, language: Language, unit: str, other: str
) -> None:
    units = asked_quantity(question, language).units
    assert unit in units
    assert other not in units


def test_rows_stay_whole_and_texts_are_cut() -> None:
    text = "Angabe: Masse | Wert: 5. Teil\nErster Satz. Zweiter Satz."
    assert sentences(text) == ("Angabe: Masse | Wert: 5. Teil", "Erster Satz.", "Zweiter Satz.")


async def test_together_is_more_than_apart(services: SmallServices) -> None:
    snapshot = await services.keywords.current()
    question = "Kühler reinigen"
    ids = services.library.active_ids(Scope())
    found = snapshot.search(question, "de", ids, 10, {"de"})
    looked = Together(question, "de", found.groups, found.weights, snapshot.analyzer)
    chunks = {chunk.text[:5]: chunk for chunk in services.library.active_chunks()}
    both = looked.look(chunks["E-104"], "de")
    neither = looked.look(chunks["4711-"], "de")
    assert both.together == pytest.approx(1.0)
    assert both.gap == 0.0
    assert neither.together < 0.5
    assert neither.gap >= 0.5


@pytest.mark.parametrize(
    ("question", "verdict"),
    [
        ("Wie fest werden die Schrauben M8 angezogen?", "found"),
        ("Welche Reifen gehören an den Anhänger?", "absent"),
        ("Was kostet eine Schulung beim Hersteller?", "absent"),
    ],
)
async def test_verdict(services: SmallServices, question: str, verdict: str) -> None:
    scope = Scope(machines=("Schraubenkompressor KX-200",))
    assert (await find_passages(question, scope, services=services)).verdict == verdict


def test_a_rerankers_own_weights_are_used_and_no_others() -> None:
    plain = {"bias": 2.0, "gap": -4.0, "absent": 0.4, "weak": 0.6}
    limits = {
        "without_reranker": plain,
        "rerankers": {"known": {"bias": 0.0, "rerank": 1.0, "absent": 0.4, "weak": 0.6}},
    }
    evidence = Evidence(gap=0.0, rerank=-5.0)
    assert judge(evidence, "known", limits)[0] == "absent"
    assert judge(evidence, "unknown", limits) == judge(Evidence(gap=0.0), "", limits)
    assert judge(evidence, "unknown", limits)[0] == "found"


def test_no_embedding_model_has_a_say_in_the_verdict(services: SmallServices) -> None:
    chunk = next(c for c in services.library.active_chunks() if c.language == "en")
    english: frozenset[Language] = frozenset({"en"})
    search = Search("How hot?", "en", frozenset(), english, frozenset(), services, ignore)

    def evidence(cosine: float) -> Evidence:
        looked = Looked([Hit(chunk, {}, {"dense": cosine})], {chunk.id: Nearness()})
        return evidence_of(search, looked, None)

    assert evidence(0.9) == evidence(0.1)


@pytest.mark.parametrize(
    ("word", "text", "said"),
    [
        ("Presse", "Die Presse wiegt 800 kg.", 1.0),
        ("Dampfpresse", "Der Dampf der Presse ist heiß.", 0.7),
        ("Dieselpresse", "Die Presse wiegt 800 kg.", 0.175),  # half of it nobody knows
        ("Handy-Presse", "Die Presse wiegt 800 kg.", 0.175),
    ],
)
def test_parts_of_a_word_say_less_than_the_word(
    services: SmallServices, word: str, text: str, said: float
) -> None:
    (piece,) = pieces(word)
    group = Group(piece.text, parts=piece.parts)
    analyzer = Analyzer(CompoundSplitter({"dampf": 3, "presse": 3}))
    chunk = replace(next(services.library.active_chunks()), text=text, heading=())
    looked = Together(word, "de", [group], [1.0], analyzer).look(chunk, "de")
    assert looked.said == pytest.approx((said,))
