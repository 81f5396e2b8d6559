"""One analyzer for index and query."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.retrieve.analyzer import Analyzer, normalise, pieces
from rag.retrieve.compounds import CompoundSplitter
from rag.retrieve.words import fold, root
from rag.types import Language

SPLITTER = CompoundSplitter(
    {fold(word): 3 for word in "Keilriemen Motor Hydraulik Schlauch Leitung Drehzahl".split()},
    {fold(word) for word in "Riemen Satz Schmier Nippel".split()},
)
ANALYZER = Analyzer(SPLITTER)
LANGUAGES = st.sampled_from(["de", "en"])


def terms(text: str, language: Language = "de") -> set[str]:
    return set(ANALYZER.terms(text, language))


@given(st.text(max_size=200))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@settings(deadline=None)
@given(st.text(max_size=200), LANGUAGES)
def test_any_unicode_is_safe_and_normalised_text_gives_the_same(
    text: str, language: Language
) -> None:
    found = ANALYZER.terms(text, language)
    assert all(term and term == term.strip() for term in found)
    assert ANALYZER.terms(normalise(text), language) == found


@given(st.text("a1-.,/ öx_", min_size=60, max_size=400))
@settings(deadline=None)
def test_what_looks_like_a_code_takes_no_longer_than_other_text(text: str) -> None:
    """Each further letter must not double the time: sixty of them would never end."""
    assert all(piece.text for piece in pieces(f"{'a1' * 30}ö {text}"))


@pytest.mark.parametrize("spelling", ["Öl", "Oel", "öl", "OEL", "O\u0308l"])
def test_umlauts_are_folded(spelling: str) -> None:
    assert fold(spelling) == "ol"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("6bar", "6 bar"),
        ("0,60 MPa", "0.6 MPa"),
        ('1/2"', "½ Zoll"),
        ("1500 U/min", "1500 min⁻¹"),
        ("E-104", "E 104"),
        ("4711-0815-B", "4711 0815 B".replace(" ", "-")),
        ("M8x1,25", "m8×1.25".replace("×", "x")),
        ("Anzugs-\ndrehmoment", "Anzugsdrehmoment"),
        ("Wellen\u00addichtring", "Wellendichtring"),
    ],
)
def test_two_spellings_of_one_thing(one: str, other: str) -> None:
    assert terms(one) == terms(other)


def test_a_point_may_part_thousands() -> None:
    assert {"1500rpm", "1.5rpm"} <= terms("1.500 1/min")
    assert "1500rpm" in terms("1500 U/min")


def test_values_stay_apart() -> None:
    assert "6bar" not in terms("0,6 MPa")
    assert not {"25nm"} & terms("30 Nm")
    assert "e104" not in terms("E-105")


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("4711-0815-B", {"47110815b", "4711", "0815"}),
        ("M8x1,25", {"m8x1.25", "m8", "1.25"}),
        ("SW24", {"sw24", "sw", "24"}),
    ],
)
def test_codes_whole_and_in_parts(code: str, parts: set[str]) -> None:
    assert parts <= terms(code)


@pytest.mark.parametrize(
    ("compound", "part"),
    [
        ("Schmalkeilriemensatz", "Riemen"),
        ("Hydraulikschlauchleitungen", "Schlauch"),
        ("Schmiernippel", "schmieren"),
        ("Motordrehzahl", "Drehzahl"),
    ],
)
def test_compounds_are_found_by_their_parts(compound: str, part: str) -> None:
    assert root(fold(part), "de") in terms(compound)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Prüfung", "geprüft"),
        ("abgeschaltet", "Abschaltung"),
        ("anzuziehen", "anziehen"),
        ("leckt", "Leckage"),
        ("Verschleiß", "verschlissen"),
    ],
)
def test_verb_and_noun_are_one_family(one: str, other: str) -> None:
    assert root(fold(one), "de") == root(fold(other), "de")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lager", "Lage"),
        ("Vorsicherung", "Vorsicht"),
        ("Sicherung", "Sicherheit"),
        ("drucklos", "Druck"),
        ("Gehäuse", "Haus"),
    ],
)
def test_different_things_are_not_melted(one: str, other: str) -> None:
    assert root(fold(one), "de") != root(fold(other), "de")


def test_an_engineer_is_no_engine() -> None:
    assert root("engineers", "en") == root("engineer", "en") != root("engine", "en")
