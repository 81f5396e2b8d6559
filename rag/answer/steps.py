"""A long procedure is read in parts; one that was found is told with the parts beside it.

Steps 9 to 16 alone would leave out "switch off and lock out", which was step 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.types import Chunk

_NUMBERED = re.compile(r"^(\d{1,2})[.)]\s", re.MULTILINE)
# The found part with one beside it: more, and the step that was asked for is hard to find.
_MOST = 2400  # characters


def with_neighbours(part: Chunk, section: Sequence[Chunk]) -> list[Chunk]:
    """``part`` with those of its section that count on from it or up to it, in reading order,
    what comes before first, while the text stays short enough."""
    parts = [one for one in section if one.kind == "procedure"]
    at = next((place for place, one in enumerate(parts) if one.id == part.id), None)
    if at is None:
        return [part]
    told = [part]
    first = last = at
    while first and _counts_on(parts[first - 1], parts[first]) and _fits(told, parts[first - 1]):
        first -= 1
        told.insert(0, parts[first])
    while last + 1 < len(parts) and _counts_on(parts[last], parts[last + 1]):
        if not _fits(told, parts[last + 1]):
            break
        last += 1
        told.append(parts[last])
    return told


def _counts_on(before: Chunk, after: Chunk) -> bool:
    """Whether the steps of ``after`` are numbered on from those of ``before``: under one heading
    there may be two procedures, and these are never told as one."""
    earlier, later = _NUMBERED.findall(before.text), _NUMBERED.match(after.text)
    return later is not None and bool(earlier) and int(later[1]) == int(earlier[-1]) + 1


def _fits(told: Sequence[Chunk], more: Chunk) -> bool:
    return sum(len(one.text) + 1 for one in told) + len(more.text) <= _MOST
