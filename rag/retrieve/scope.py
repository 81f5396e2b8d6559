"""Which manuals a question may be answered from: what the user chose, narrowed by the question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from rag.language import detect_language
from rag.retrieve.analyzer import normalise, pieces
from rag.retrieve.compounds import CompoundSplitter
from rag.retrieve.glossary import Glossary, name_key
from rag.retrieve.words import fold, root
from rag.types import Language, Scope

LANGUAGES: tuple[Language, ...] = ("de", "en")
_VERB_PRESS = re.compile(
    r"\b(?:to|i|you|we|and|then|must|should|can) press\b"
    r"|^press (?=(?:the|a|an|both|any|on|down|it|this|that|start|stop|key|button)\b)"
)

_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The scope to search; ``named`` are the machines that the question names. ``outside`` is
    set when it names only machines that the user's own scope leaves out. ``words`` are the
    families of what the machines in scope are called ("kompressor", "press")."""

    scope: Scope
    named: tuple[str, ...] = ()
    outside: bool = False
    words: frozenset[str] = frozenset()


def narrow(
    question: str, scope: Scope, machines: Sequence[str], glossary: Glossary | None = None
) -> Narrowed:
    """A machine named in the question narrows the scope; it never widens it.

    A type designation names a machine wherever it is ("SK 37"). A kind of machine ("der
    Kompressor") does so among the machines that the user may mean, when it fits not all of them.
    """
    kinds = {machine: kind_words(machine, glossary) for machine in machines}
    said = _families(question)
    named = tuple(machine for machine in machines if _names(question, machine, machines))
    inside = tuple(one for one in named if not scope.machines or one in scope.machines)
    if not named:
        possible = [one for one in machines if not scope.machines or one in scope.machines]
        of_kind = tuple(machine for machine in possible if kinds[machine] & said)
        if len(of_kind) < len(possible):
            named = inside = of_kind
    chosen = inside or named or scope.machines
    words = frozenset(word for one in chosen or machines for word in kinds.get(one, ()))
    return Narrowed(
        replace(scope, machines=chosen), named, outside=bool(named) and not inside, words=words
    )


def question_language(question: str, default: Language, glossary: Glossary | None) -> Language:
    """The question's language: by its small words, else by which language's names it uses
    ("safety valve blows off"), else ``default``."""
    if detect_language(question, "de") == detect_language(question, "en"):
        return detect_language(question)
    if glossary is None:
        return default
    words = [piece.text for piece in pieces(question) if piece.kind == "word"]
    german = sum(glossary.knows(word, "de") for word in words)
    english = sum(glossary.knows(word, "en") for word in words)
    return default if german == english else ("de" if german > english else "en")


@lru_cache(maxsize=256)
def kind_words(machine: str, glossary: Glossary | None) -> frozenset[str]:
    """What kind of machine a name says, as word families in both languages.

    The kind is the last word without digits: "Hydraulic Press HP 160" is a press; of a German
    compound it is the head: "Schraubenkompressor SK 37" is a Kompressor.
    """
    words = [word for word in _compact(machine).split() if word.isalpha() and len(word) >= 4]
    if not words:
        return frozenset()
    word = fold(words[-1])
    families = {root(word, language) for language in LANGUAGES}
    if glossary is None:
        return frozenset(families)
    parts = CompoundSplitter({}, glossary.words()).split(word)
    if parts:
        families |= {root(parts[-1], language) for language in LANGUAGES}
    for concept in glossary.kinds(families):
        for language, names in concept.terms.items():
            for name in names:
                key = name_key(name, language)
                if len(key) == 1:
                    families.add(key[0])
    return frozenset(families)


def _families(question: str) -> frozenset[str]:
    """The question's words as families of both languages; "press" only as a noun."""
    text = _VERB_PRESS.sub(" ", normalise(question))
    return frozenset(
        root(piece.text, language)
        for piece in pieces(text)
        if piece.kind == "word"
        for language in LANGUAGES
    )


def _names(question: str, machine: str, machines: Sequence[str]) -> bool:
    """Whether the whole name stands in the question, or a type designation only this one has."""
    text = _compact(question)
    if f" {_compact(machine).strip()} " in text or _joined(machine) in _runs(text):
        return True
    return any(
        f" {word} " in text or word in _runs(text)
        for word in designations(machine)
        if not any(word in designations(other) for other in machines if other != machine)
    )


@lru_cache(maxsize=2048)
def designations(machine: str) -> frozenset[str]:
    """The parts of a name that carry digits, with the letters before them: "sk45"."""
    words = _compact(machine).split()
    found = {word for word in words if any(c.isdigit() for c in word) and not word.isdigit()}
    for before, word in pairwise(words):
        if word[0].isdigit() and before.isalpha() and len(before) <= 4:
            found.add(before + word)
    return frozenset(word for word in found if len(word) >= 3)


@lru_cache(maxsize=2048)  # a library's machines are asked for with every question
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
