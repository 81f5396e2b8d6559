"""The workshop's thesaurus, and a plant's own words over it."""

from __future__ import annotations

import asyncio

import pytest

from rag.errors import BadFile
from rag.messages import say
from rag.retrieve.glossary import check_words, load_glossary, name_key, shipped_csv
from rag.retrieve.terms import Alternative
from rag.types import Scope
from tests.retrieve.corpus import SmallServices

GLOSSARY = load_glossary()


def concepts(question: str, language: str = "de") -> set[str]:
    key = name_key(question, "de" if language == "de" else "en")
    return {match.concept.id for match in GLOSSARY.find(key)}


@pytest.mark.parametrize(
    ("question", "language", "concept"),
    [
        ("Wie fest muss ich die Schrauben anziehen?", "de", "torque"),
        ("Vorher Strom weg", "de", "isolate"),
        ("Der Schlauch leckt", "de", "leak"),
        ("Wie viele Umdrehungen?", "de", "speed"),
        ("Wie oft Öl wechseln?", "de", "oil_change"),
        ("Where is the red button?", "en", "emergency_stop"),
        ("What PPE do I have to wear?", "en", "ppe"),
    ],
)
def test_words_of_the_workshop(question: str, language: str, concept: str) -> None:
    assert concept in concepts(question, language)


def test_it_is_broad_and_bilingual() -> None:
    assert len(GLOSSARY.concepts) >= 400
    assert all(concept.terms["de"] and concept.terms["en"] for concept in GLOSSARY.concepts)


def test_a_plants_own_words_are_merged() -> None:
    extra = "id;de;en\ntorque;Anknallwert;\nsepp;Seppmaschine|Sepp;line seven\n"
    merged = load_glossary(extra.encode())
    known = {concept.id: concept for concept in merged.concepts}
    assert "Anknallwert" in known["torque"].terms["de"]
    assert "Anzugsdrehmoment" in known["torque"].terms["de"]
    assert {match.concept.id for match in merged.find(["sepp"])} == {"sepp"}


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"\xff\xfe\x00", "error.glossary_not_utf8"),
        ("wort;word\n", "error.glossary_header"),
        ("id;de;en\nx;y\n", "error.glossary_columns"),
        ("id;de;en\nx;;\n", "error.glossary_empty"),
        ("id;de;en\nx;a;b\nx;c;d\n", "error.glossary_twice"),
        (f"id;de;en\nx;{'a' * 90};b\n", "error.glossary_term"),
    ],
)
def test_what_is_wrong_is_said(content: str | bytes, key: str) -> None:
    with pytest.raises(BadFile) as raised:
        load_glossary(content)
    assert raised.value.key == key
    assert say(key, "de", **raised.value.values) != say(key, "en", **raised.value.values)


def test_every_bad_line_of_a_plants_list_is_told() -> None:
    content = "# ours\nid;de;en\na;b\ntorque;Anknallwert;\nallein;Wort;\nallein;x;y\ngut;x|y;\n"
    concepts, wrong = check_words(content.encode())
    assert [one.id for one in concepts] == ["torque", "allein", "gut"]
    assert [(error.key, error.values["line"]) for error in wrong] == [
        ("error.glossary_columns", "3"),
        ("error.glossary_alone", "5"),
    ]
    for broken in (b"", b"id;de;en\n", b"\xff\xfe\x00"):
        assert check_words(broken)[1]
    assert check_words(shipped_csv().encode())[1] == []


async def test_new_words_hold_from_the_next_question(services: SmallServices) -> None:
    """Also when an index with the former ones is just being made."""
    keywords, ids = services.keywords, services.library.active_ids(Scope())
    nothing = await keywords.search("Wackelpeter", "de", ids, 5)
    services.library.disable(min(ids))
    services.library.enable(min(ids))
    being_made = asyncio.create_task(keywords.current(patience_s=60))
    keywords.use_glossary(load_glossary("id;de;en\nzyk;Wackelpeter|Keilriemen;\n"))
    found = await keywords.search("Wackelpeter", "de", ids, 5)
    expected = await keywords.search("Keilriemen", "de", ids, 5)
    assert not nothing.ids
    assert found.ids
    assert found.ids[0] == expected.ids[0]
    assert await being_made is await keywords.current(patience_s=60)


async def widened(services: SmallServices, line: str, question: str) -> list[Alternative]:
    """All alternatives of a question's words with only the words of this line beside the
    shipped ones."""
    services.keywords.use_glossary(load_glossary(f"id;de;en\n{line}\n"))
    snapshot = await services.keywords.current(patience_s=60)
    found = snapshot.search(question, "de", services.library.active_ids(Scope()), 5, {"de"})
    return [one for group in found.groups for one in group.alternatives]


def says(alternatives: list[Alternative], name: str) -> float:
    """How much of the question's word a name of one word says."""
    family = name_key(name, "de")[0]
    return max(
        one.says
        for one in alternatives
        if len(one.words) == 1 and any(family == term for term, _ in one.terms())
    )


async def test_a_related_name_widens_but_does_not_say_the_word(services: SmallServices) -> None:
    plain = await widened(services, "zyk;Wackelpeter|Dichtring|Betriebsdruck;", "Wackelpeter")
    marked = await widened(services, "zyk;Wackelpeter|Dichtring|~Betriebsdruck;", "Wackelpeter")
    assert [(one.words, one.weight) for one in plain] == [(one.words, one.weight) for one in marked]
    assert says(marked, "Dichtring") == says(plain, "Dichtring") == 1.0
    assert says(marked, "Betriebsdruck") < 0.5 < says(plain, "Betriebsdruck")


async def test_who_asks_by_a_related_name_means_only_its_own_kind(services: SmallServices) -> None:
    line = "zyk;Betriebsdruck|~Wackelpeter|~Dichtring|~~Quirl|~~Anzugsdrehmoment;"
    loner = await widened(services, line, "Wackelpeter")
    assert says(loner, "Betriebsdruck") < 0.5
    assert says(loner, "Dichtring") < 0.5
    grouped = await widened(services, line, "Quirl")
    assert says(grouped, "Betriebsdruck") < 0.5
    assert says(grouped, "Anzugsdrehmoment") == 1.0


async def test_small_words_of_a_name_do_not_count(services: SmallServices) -> None:
    line = "zyk;Wackelpeter|Dichtring im Haus|Betriebsdruck weg;"
    alternatives = await widened(services, line, "Wackelpeter")
    assert {len(one.words): one.says for one in alternatives if one.says}[2] == 1.0
    assert says(alternatives, "Betriebsdruck") == 0.5  # "weg" means something


@pytest.mark.parametrize(
    ("asked", "said", "is_same"),
    [
        ("Frostschutzmittel", "Kühler", False),
        ("Kühlwasser", "Kühlflüssigkeit", True),
        ("Peilstab", "Ölmessstab", True),
        ("Peilstab", "Ölstand", False),
        ("Haube", "Schutzgitter", False),
        ("Riemen", "Schmalkeilriemen", True),
        ("Ventil", "Lüfter", False),
        ("anknallen", "festziehen", True),
    ],
)
def test_what_is_the_same_thing(asked: str, said: str, is_same: bool) -> None:
    matches = [
        match for match in GLOSSARY.find(name_key(asked, "de")) if said in match.concept.terms["de"]
    ]
    assert matches
    assert any(match.is_same(said, "de") for match in matches) is is_same


def test_related_names_of_a_plant() -> None:
    """Its own line tells anew of the names that it repeats."""
    content = "id;de;en\nneu;Wackelpeter|~ Quirl|~~Rührer;~whisk\ncoolant_engine;Kühler|~Wasser;\n"
    concepts, wrong = check_words(content.encode())
    assert not wrong
    assert concepts[0].terms == {"de": ("Wackelpeter", "Quirl", "Rührer"), "en": ("whisk",)}
    assert concepts[0].related == {"Quirl": 1, "Rührer": 2, "whisk": 1}
    merged = {one.id: one for one in load_glossary(content).concepts}["coolant_engine"]
    assert merged.terms["de"].count("Kühler") == 1
    assert "Kühler" not in merged.related
    assert merged.related["Wasser"] == 1
    assert merged.related["Frostschutzmittel"] > 0
    [error] = check_words(b"id;de;en\nleer;~;~~\n")[1]
    assert error.key == "error.glossary_empty"
