"""What belongs together in running text: procedures with their steps, prose by its length."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag.ingest.blocks import Block
from rag.types import Box, ChunkKind

if TYPE_CHECKING:
    from rag.ingest.passages import Passage

PROSE_LIMIT = 900  # characters
_PROSE_LEAST = 250  # a shorter rest joins the passage before it
PROCEDURE_LIMIT = 1200  # a longer procedure is parted between steps
_INTRODUCTION = 300  # a paragraph this short right before the first step belongs to the steps
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ\"„“(])")
_RESULT = re.compile(r"^(?:[→⇒➜↳✓✔]|Ergebnis|Result)")


@dataclass(slots=True)
class Said:
    """One block's text with its boxes and the notices that were given before it."""

    text: str
    boxes: list[Box]
    notices: list[Passage]
    block: Block


def runs_of(said: Sequence[Said]) -> Iterator[tuple[ChunkKind, list[Said]]]:
    """Runs of prose and of steps. What stands between two steps that count on is theirs."""
    steps = [n for n, entry in enumerate(said) if entry.block.kind == "step"]
    start = 0
    for run in _step_runs(said, steps):
        first, last = run[0], run[-1]
        before = said[first - 1] if first > start else None
        if before and before.block.kind == "paragraph" and len(before.text) <= _INTRODUCTION:
            first -= 1
        while last + 1 < len(said) and (
            _RESULT.match(said[last + 1].text) or _is_indented(said[run[-1]], said[last + 1])
        ):
            last += 1
        if first > start:
            yield "text", list(said[start:first])
        yield "procedure", list(said[first : last + 1])
        start = last + 1
    if start < len(said):
        yield "text", list(said[start:])


def _step_runs(said: Sequence[Said], steps: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for place in steps:
        number = said[place].block.number
        before = said[run[-1]].block.number if run else None
        counts_on = number is not None and before is not None and number == before + 1
        follows = number is None and bool(run) and place == run[-1] + 1
        if run and not (counts_on or follows):
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _is_indented(step: Said, entry: Said) -> bool:
    """Whether ``entry`` stands further in than the step's number: it belongs to the step."""
    inner = entry.block.lines[0].rect[0] - step.block.lines[0].rect[0]
    return entry.block.page == step.block.page and inner > 8


def procedure_parts(group: list[Said]) -> Iterator[list[Said]]:
    """The whole procedure, or parts of about equal length that begin with a step."""
    total = sum(len(entry.text) + 1 for entry in group)
    if total <= PROCEDURE_LIMIT:
        yield group
        return
    count = -(-total // 1000)
    target, length = total / count, 0
    part: list[Said] = []
    for entry in (piece for said in group for piece in _sentences(said)):
        begins = entry.block.kind == "step" and length + len(entry.text) / 2 > target
        if part and (begins or length + len(entry.text) > PROCEDURE_LIMIT):
            yield part
            part, length = [], 0
        part.append(entry)
        length += len(entry.text) + 1
    if part:
        yield part


def prose_parts(group: Sequence[Said]) -> Iterator[list[Said]]:
    """Paragraphs together up to the limit; an over-long one is parted between sentences."""
    parts: list[list[Said]] = []
    length = 0
    for unit in _units([piece for said in group for piece in _sentences(said)]):
        more = sum(len(entry.text) + 1 for entry in unit)
        if parts and length + more <= PROSE_LIMIT:
            parts[-1].extend(unit)
            length += more
            continue
        if parts and parts[-1][-1].text.endswith(":") and len(parts[-1]) > 1:
            lead = parts[-1].pop()  # an introduction goes with what it introduces
            parts.append([lead, *unit])
            length = len(lead.text) + more + 1
            continue
        parts.append(unit)
        length = more
    if len(parts) > 1 and length < _PROSE_LEAST:
        parts[-2].extend(parts.pop())
    yield from parts


def _units(pieces: Sequence[Said]) -> Iterator[list[Said]]:
    """What must not be parted: a term or a bold line, and what it stands over."""
    unit: list[Said] = []
    for piece in pieces:
        unit.append(piece)
        if not _is_lead(piece):
            yield unit
            unit = []
    if unit:
        yield unit


def _is_lead(said: Said) -> bool:
    if said.block.kind == "term":
        return True
    bold = said.block.kind == "paragraph" and all(line.bold for line in said.block.lines)
    return bold and len(said.text) <= 90 and not re.search(r"[.!?]$", said.text)


def _sentences(said: Said) -> Iterator[Said]:
    if len(said.text) <= PROSE_LIMIT:
        yield said
        return
    text = ""
    for sentence in _short_sentences(said.text):
        if text and len(text) + len(sentence) + 1 > PROSE_LIMIT:
            yield replace(said, text=text)
            text = ""
        text = f"{text} {sentence}".strip()
    yield replace(said, text=text)


def _short_sentences(text: str) -> Iterator[str]:
    """The sentences of ``text``; one beyond the limit is parted between words."""
    for sentence in _BETWEEN_SENTENCES.split(text):
        rest = sentence
        while len(rest) > PROSE_LIMIT:
            at = rest.rfind(" ", PROSE_LIMIT // 2, PROSE_LIMIT)
            at = at if at > 0 else PROSE_LIMIT
            yield rest[:at]
            rest = rest[at:].lstrip()
        yield rest
