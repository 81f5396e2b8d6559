"""Codes first: a question that names a fault code or a part number goes to that code's record.

A neighbour's record is never an answer: where the code has none, that is what is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from rag.codes import find_codes, fold_code
from rag.store.library import Library
from rag.types import Chunk

_THREAD = re.compile(r"^(?:m\d+(?:x.*)?|g[\d/]+|sw\d+)$")
_RECORDS_PER_MANUAL = 2


@dataclass(frozen=True, slots=True)
class Exact:
    """The records found, best first. ``asked`` are the folded codes of the question."""

    records: tuple[Chunk, ...] = ()
    asked: tuple[str, ...] = ()
    missing: str | None = None
    ambiguous: str | None = None


def find_records(
    question: str,
    manual_ids: Collection[str],
    library: Library,
    stands_in_text: Callable[[str], bool],
    not_codes: Collection[str] = (),
) -> Exact:
    """The records of the question's codes in ``manual_ids``.

    ``stands_in_text`` tells whether a folded code occurs anywhere in the scope: a code that is
    only mentioned (a valve's tag, say) is left to the other retrievers. ``not_codes`` are folded
    names that look like codes, such as machines. Synchronous; asks the database.
    """
    records: list[Chunk] = []
    asked: list[str] = []
    missing = ambiguous = None
    for printed in find_codes(question):
        folded = fold_code(printed)
        if not folded or _THREAD.match(folded) or folded in not_codes:
            continue
        found = _records(folded, manual_ids, library)
        if found:
            asked.append(folded)
            records.extend(_few_per_manual(found))
            if len({chunk.machine for chunk in found}) > 1:
                ambiguous = ambiguous or printed
        elif not stands_in_text(folded):
            asked.append(folded)
            missing = missing or printed
    unique = tuple({chunk.id: chunk for chunk in records}.values())
    return Exact(unique, tuple(asked), missing, ambiguous)


def is_record_of_another(chunk: Chunk, asked: Collection[str]) -> bool:
    """A record, but of none of the codes asked for."""
    return bool(chunk.codes) and not {fold_code(code) for code in chunk.codes} & set(asked)


def _records(folded: str, manual_ids: Collection[str], library: Library) -> list[Chunk]:
    """Records of the code itself; else of the code with the same digits, when only one of the
    two carries letters ("Fehler 104" and "E-104")."""
    found = library.find_code(folded, manual_ids)
    if found:
        return found
    digits = folded.lstrip("abcdefghijklmnopqrstuvwxyz")
    if not digits.isdigit():
        return []
    if digits != folded:
        return library.find_code(digits, manual_ids)
    spelled = re.compile(rf"[a-z]{{1,3}}{digits}")
    others = sorted(code for code in library.all_codes() if spelled.fullmatch(code))
    return [chunk for code in others for chunk in library.find_code(code, manual_ids)]


def _few_per_manual(chunks: list[Chunk]) -> list[Chunk]:
    """Fault and parts records before others, at most two of each manual."""
    kept: list[Chunk] = []
    counts: dict[str, int] = {}
    for chunk in sorted(chunks, key=lambda one: one.kind not in ("fault", "parts")):
        counts[chunk.manual_id] = counts.get(chunk.manual_id, 0) + 1
        if counts[chunk.manual_id] <= _RECORDS_PER_MANUAL:
            kept.append(chunk)
    return kept
