"""Two passages with different values for the same thing: say so, and show both.

Few and sound rules: the same quantity of the same machine in two places, named by the same words
(equal row labels, a label of two words or more that stands whole in a sentence, or two sentences
of nearly the same words), each place with one value of the kind, and the values not equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from rag.answer.clean import verbatim
from rag.answer.numbers import equal_values
from rag.answer.records import Record, records_of
from rag.answer.values import Value
from rag.messages import say
from rag.types import Chunk, Citation, Language

_SAME_WORDS = 0.7


@dataclass(frozen=True, slots=True)
class Conflict:
    """Passages ``first`` and ``second`` (1-based) give different values for ``subject``."""

    subject: str
    first: int
    first_value: str
    second: int
    second_value: str


def find_conflict(passages: Sequence[Chunk], question_words: frozenset[str]) -> Conflict | None:
    """The first contradiction on what was asked, or ``None``. ``question_words`` are roots."""
    records = [
        [record for record in records_of(number, chunk) if record.words & question_words]
        for number, chunk in enumerate(passages, start=1)
    ]
    for ours, theirs in combinations(records, 2):
        for one in ours:
            for other in theirs:
                found = _contradiction(passages, one, other)
                if found is not None:
                    return found
    return None


def conflict_text(conflict: Conflict, citations: Sequence[Citation], language: Language) -> str:
    """Markdown: both values with manual, revision and page."""
    by_number = {citation.n: citation for citation in citations}
    lines = [say("answer.conflict", language, subject=verbatim(conflict.subject))]
    for number, value in (
        (conflict.first, conflict.first_value),
        (conflict.second, conflict.second_value),
    ):
        citation = by_number[number]
        line = say(
            "answer.conflict_line",
            language,
            value=verbatim(value),
            title=verbatim(citation.title),
            revision=verbatim(citation.revision or "–"),
            label=verbatim(citation.label),
            n=number,
        )
        lines.append(line)
    return "\n".join(lines)


def _contradiction(passages: Sequence[Chunk], one: Record, other: Record) -> Conflict | None:
    a, b = passages[one.passage - 1], passages[other.passage - 1]
    if a.machine != b.machine or one.keys != other.keys or not _same_subject(one, other):
        return None
    for value in one.values:
        rival = _only(other, value.dimension)
        if value.unit is None or rival is None or _only(one, value.dimension) is not value:
            continue
        if equal_values(value, rival) is None:
            # A manual without headings is named by its title.
            heading = a.heading[-1] if a.heading else a.title
            subject = one.text.split(" | ")[0].split(": ", 1)[-1] if one.label else heading
            return Conflict(subject, one.passage, value.written, other.passage, rival.written)
    return None


def _only(record: Record, dimension: str) -> Value | None:
    """The record's value of this kind, if it has just one."""
    found = [value for value in record.values if value.dimension == dimension]
    return found[0] if len(found) == 1 else None


def _same_subject(one: Record, other: Record) -> bool:
    if one.label and other.label:
        headers = {cell.header_words for cell in one.cells if cell.values}
        return one.label == other.label and headers == {
            cell.header_words for cell in other.cells if cell.values
        }
    for row, text in ((one, other), (other, one)):
        if row.label and not text.row:
            return len(row.label) >= 2 and row.label <= text.words
    if one.row or other.row:
        return False
    shared, all_words = one.words & other.words, one.words | other.words
    return len(shared) >= 4 and len(shared) >= _SAME_WORDS * len(all_words)
