"""Which manuals a question may be answered from: what the user chose, narrowed by the question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.retrieve.analyzer import normalise
from rag.types import Scope

_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The scope to search; ``named`` are the machines that the question names. ``outside`` is
    set when it names only machines that the user's own scope leaves out."""

    scope: Scope
    named: tuple[str, ...] = ()
    outside: bool = False


def narrow(question: str, scope: Scope, machines: Sequence[str]) -> Narrowed:
    """A machine named in the question narrows the scope; it never widens it."""
    named = tuple(machine for machine in machines if _names(question, machine, machines))
    if not named:
        return Narrowed(scope)
    inside = tuple(machine for machine in named if not scope.machines or machine in scope.machines)
    return Narrowed(replace(scope, machines=inside or named), named, outside=not inside)


def _names(question: str, machine: str, machines: Sequence[str]) -> bool:
    """Whether the whole name stands in the question, or a type designation only this one has."""
    text = _compact(question)
    if f" {_compact(machine).strip()} " in text or _joined(machine) in _runs(text):
        return True
    return any(
        f" {word} " in text or word in _runs(text)
        for word in _designations(machine)
        if not any(word in _designations(other) for other in machines if other != machine)
    )


def _designations(machine: str) -> set[str]:
    """The parts of a name that carry digits, joined with the letters before them: "sk45"."""
    words = _compact(machine).split()
    found = {word for word in words if any(c.isdigit() for c in word) and not word.isdigit()}
    for before, word in zip(words, words[1:], strict=False):
        if word[0].isdigit() and before.isalpha() and len(before) <= 4:
            found.add(before + word)
    return {word for word in found if len(word) >= 3}


def _compact(text: str) -> str:
    return f" {_SEPARATORS.sub(' ', normalise(text)).strip()} "


def _joined(text: str) -> str:
    return _compact(text).replace(" ", "")


def _runs(text: str) -> set[str]:
    """Two or three neighbouring words written as one: "sk 45" → "sk45"."""
    words = text.split()
    return {
        "".join(words[start : start + size])
        for size in (2, 3)
        for start in range(len(words) - size + 1)
    }
