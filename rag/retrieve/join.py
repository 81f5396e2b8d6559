"""Passages of one page that were found together become one hit: the places go to other pages.

Manuals are read in small pieces (a table's row, a warning, a step), so the three best are often
neighbours. Joined, a reader gets the row with its procedure, and two more pages besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.types import Chunk, Hit


def join_pages(hits: Sequence[Hit], *, depth: int, most: int, characters: int) -> list[Hit]:
    """One hit per page, in the order of each page's best. Of the first ``depth`` hits up to
    ``most`` of a page are joined while their text stays within ``characters``; the others are
    left out. Records of a code stay alone."""
    pages: dict[tuple[str, int], list[Hit]] = {}
    alone = 0
    for rank, hit in enumerate(hits):
        page = (hit.chunk.manual_id, hit.chunk.first_page)
        if "exact" in hit.ranks:
            alone += 1
            page = (hit.chunk.id, -alone)
        members = pages.setdefault(page, [])
        length = sum(len(member.chunk.text) for member in members) + len(hit.chunk.text)
        if not members or (rank < depth and len(members) < most and length <= characters):
            members.append(hit)
    return [_joined(members) for members in pages.values()]


def _joined(members: Sequence[Hit]) -> Hit:
    """The best hit with the others' text. A warning stays readable as such: it is never the
    chunk that others are joined to, and its id is kept among the notices."""
    texts = [member for member in members if member.chunk.kind != "notice"]
    if not texts or len(members) == 1:
        return members[0]
    best = texts[0]
    chunks = sorted((member.chunk for member in members), key=lambda chunk: chunk.position)
    return replace(
        best,
        ranks=members[0].ranks,
        scores=members[0].scores,
        chunk=_one_chunk(best.chunk, chunks),
        also_on=tuple(chunk for member in members for chunk in member.also_on),
    )


def _one_chunk(best: Chunk, chunks: Sequence[Chunk]) -> Chunk:
    """The chunks' texts in reading order, under the best one's id and heading."""
    last = max(chunks, key=lambda chunk: chunk.last_page)
    warnings = [chunk.id for chunk in chunks if chunk.kind == "notice"]
    linked = [notice for chunk in chunks for notice in chunk.notices]
    return replace(
        best,
        text="\n".join(chunk.text for chunk in chunks),
        last_page=last.last_page,
        last_label=last.last_label,
        boxes=tuple(dict.fromkeys(box for chunk in chunks for box in chunk.boxes)),
        codes=tuple(dict.fromkeys(code for chunk in chunks for code in chunk.codes)),
        notices=tuple(dict.fromkeys([*linked, *warnings])),
    )
