"""A machine in the question narrows what is searched, and never widens it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.retrieve.glossary import load_glossary
from rag.retrieve.scope import narrow
from rag.types import Scope

MACHINES = ["Hydraulic Press HP 160", "Schraubenkompressor SK 37", "Schraubenkompressor SK 45"]
GLOSSARY = load_glossary()


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Press shows E-104, what now?", ["Hydraulic Press HP 160"]),
        ("Press the start button, nothing happens", []),
        ("Ölmenge SK 37?", ["Schraubenkompressor SK 37"]),
        ("Ölmenge SK37?", ["Schraubenkompressor SK 37"]),
        ("oil for the HP-160", ["Hydraulic Press HP 160"]),
        ("Riemen am Kompressor", ["Schraubenkompressor SK 37", "Schraubenkompressor SK 45"]),
        ("Der Verdichter ist laut", ["Schraubenkompressor SK 37", "Schraubenkompressor SK 45"]),
        ("Öl der Presse", ["Hydraulic Press HP 160"]),
        ("Press the button, then?", []),
        ("Wie oft Öl wechseln?", []),
    ],
)
def test_machines_named(question: str, named: list[str]) -> None:
    assert list(narrow(question, Scope(), MACHINES, GLOSSARY).named) == named


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["SK 37", "SK45", "HP 160", "Presse", "Kompressor", "Öl"])),
    st.lists(st.sampled_from(MACHINES), min_size=1, unique=True),
)
def test_never_wider_than_chosen(words: list[str], chosen: list[str]) -> None:
    narrowed = narrow(" ".join(words), Scope(machines=tuple(chosen)), MACHINES, GLOSSARY)
    assert narrowed.outside or set(narrowed.scope.machines) <= set(chosen)
