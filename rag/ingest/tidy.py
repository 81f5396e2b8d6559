"""Passages too short to be found on their own join a neighbour of their section."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.ingest.runs import PROCEDURE_LIMIT

if TYPE_CHECKING:
    from rag.ingest.passages import Passage

_TINY = 60  # characters
_JOINABLE = ("text", "procedure", "table")


def join_tiny(passages: Sequence[Passage]) -> list[Passage]:
    """``passages`` with each tiny text put to the one after it, else to the one before it.

    Notices, faults, parts and maintenance tasks are records: they are left as they are.
    """
    forward: list[Passage] = []
    for passage in reversed(passages):
        if forward and _may_join(passage, forward[-1], tiny=passage):
            _join(forward[-1], passage, forward[-1])
        else:
            forward.append(passage)
    kept: list[Passage] = []
    for passage in reversed(forward):
        if kept and _may_join(kept[-1], passage, tiny=passage):
            _join(kept[-1], kept[-1], passage)
        else:
            kept.append(passage)
    return kept


def _may_join(first: Passage, second: Passage, *, tiny: Passage) -> bool:
    return (
        tiny.kind == "text"
        and len(tiny.text) < _TINY
        and first.kind in _JOINABLE
        and second.kind in _JOINABLE
        and first.heading == second.heading
        and len(first.text) + len(second.text) < PROCEDURE_LIMIT
    )


def _join(kept: Passage, first: Passage, second: Passage) -> None:
    kept.text = f"{first.text}\n{second.text}"
    kept.boxes = [*first.boxes, *second.boxes]
    kept.notices = list({id(n): n for n in (*first.notices, *second.notices)}.values())
