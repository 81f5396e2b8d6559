"""Questions to begin with, made from the manuals that are loaded: faults, steps, care, parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rag.messages import say
from rag.store.library import Library
from rag.types import Chunk, ChunkKind, Language, Manual, ManualStatus

MAX_STARTERS = 6
_MAX_LABEL = 60
_NUMBERED = re.compile(r"^[\d.]+\s+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``label`` stands on the button, ``question`` is what is asked, ``icon`` is its picture."""

    label: str
    question: str
    icon: str


class Suggestions:
    """Made anew only when the library has changed."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._version = -1
        self._made: dict[Language, list[Suggestion]] = {}

    def of(self, language: Language) -> list[Suggestion]:
        """Up to six, manuals in ``language`` first, each kind of each manual once."""
        version = self._library.corpus_version()
        if version != self._version:
            self._made, self._version = {}, version
        if language not in self._made:
            self._made[language] = self._make(language)
        return self._made[language]

    def _make(self, language: Language) -> list[Suggestion]:
        manuals = self._library.manuals(status=ManualStatus.ACTIVE)
        ours = [manual for manual in manuals if manual.language == language] or manuals
        rows = [suggest(manual, self._library.chunks_of(manual.id), language) for manual in ours]
        return _in_turn(rows)[:MAX_STARTERS]


def suggest(manual: Manual, chunks: Sequence[Chunk], language: Language) -> list[Suggestion]:
    """What this manual can be asked: a fault, a procedure, its maintenance schedule, a part."""
    machine = manual.machine or manual.title
    found: list[Suggestion] = []

    def add(kind: str, picked: Chunk | None, **values: str) -> None:
        if picked is not None:
            values = {"machine": machine, **values}
            label_key = f"starter.{kind}"
            label = values.get("topic") or say(label_key, language, **values)
            question = say(f"{label_key}_question", language, **values)
            found.append(Suggestion(label, question, f"/public/icons/{kind}.svg"))

    fault = _first(chunks, "fault", lambda chunk: bool(chunk.codes))
    add("fault", fault, code=fault.codes[0] if fault else "")
    procedure = _first(chunks, "procedure", lambda chunk: 8 <= len(_topic(chunk)) <= _MAX_LABEL)
    add("procedure", procedure, topic=_topic(procedure) if procedure else "")
    add("maintenance", _first(chunks, "maintenance", lambda _: True))
    part = _first(chunks, "parts", lambda chunk: bool(chunk.codes))
    add("part", part, code=part.codes[0] if part else "")
    return found


def _first(chunks: Iterable[Chunk], kind: ChunkKind, fits: Callable[[Chunk], bool]) -> Chunk | None:
    return next((chunk for chunk in chunks if chunk.kind == kind and fits(chunk)), None)


def _topic(chunk: Chunk) -> str:
    return _NUMBERED.sub("", chunk.heading[-1]) if chunk.heading else ""


def _in_turn(rows: Sequence[Sequence[Suggestion]]) -> list[Suggestion]:
    """The first of each row, then the second of each, and so on."""
    longest = max((len(row) for row in rows), default=0)
    return [row[place] for place in range(longest) for row in rows if place < len(row)]
