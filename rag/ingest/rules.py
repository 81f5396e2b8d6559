"""Tables ruled only between their rows: the upright rules they lack are put in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.ingest.layout import Glyph

Edge = tuple[float, float, float, float]

_TALLEST_ROW = 120.0  # points; rules further apart do not belong to one table
_SAME = 4.0  # points by which the ends of rules may differ
_LEAST_GAP = 7.0  # points of blank that part two columns


def with_upright_rules(edges: Sequence[Edge], glyphs: Sequence[Glyph]) -> list[Edge]:
    """``edges`` and, for each pile of three or more level rules of one width, the upright ones
    where the text between them leaves a blank strip from top to bottom. y grows downwards."""
    added: list[Edge] = []
    upright = [edge for edge in edges if edge[0] == edge[2]]
    for pile in _piles([edge for edge in edges if edge[1] == edge[3]]):
        x0, x1, top, bottom = pile[0][0], pile[0][2], pile[0][1], pile[-1][1]
        if any(
            x0 - _SAME < edge[0] < x1 + _SAME and edge[1] < bottom - 1 and edge[3] > top + 1
            for edge in upright
        ):
            continue
        places = _blank_strips(x0, x1, top, bottom, glyphs)
        if places:
            added.extend((x, top, x, bottom) for x in (x0, *places, x1))
    return [*edges, *added]


def with_closing_rules(edges: Sequence[Edge]) -> list[Edge]:
    """``edges`` and a level rule where three or more upright ones end together without one: a
    table that goes on, on the next page or from the last one."""
    upright = [edge for edge in edges if edge[0] == edge[2]]
    level = [edge for edge in edges if edge[1] == edge[3]]
    ends: dict[int, list[Edge]] = defaultdict(list)
    for edge in upright:
        if edge[3] - edge[1] > _SAME:
            ends[round(edge[1])].append(edge)
            ends[round(edge[3])].append(edge)
    added: list[Edge] = []
    for y, meeting in ends.items():
        places = sorted({edge[0] for edge in meeting})
        wide = places[-1] - places[0] > 60 if len(places) >= 3 else False
        if not wide or any(_crosses(rule, y, places) for rule in (*level, *added)):
            continue
        if not any(edge[1] < y - _SAME and edge[3] > y + _SAME and edge[0] in places
                   for edge in upright):  # fmt: skip
            added.append((places[0], float(y), places[-1], float(y)))
    return [*edges, *added]


def _crosses(rule: Edge, y: float, places: Sequence[float]) -> bool:
    """Whether the level ``rule`` lies at ``y`` anywhere between the outer ``places``."""
    return abs(rule[1] - y) < _SAME and rule[0] < places[-1] - 1 and rule[2] > places[0] + 1


def _piles(level: Sequence[Edge]) -> Iterator[list[Edge]]:
    """Rules one below the other, of one left and right end, three at least."""
    waiting = sorted(level, key=lambda edge: edge[1])
    while waiting:
        pile = [waiting.pop(0)]
        for edge in list(waiting):
            first, last = pile[0], pile[-1]
            same = abs(edge[0] - first[0]) < _SAME and abs(edge[2] - first[2]) < _SAME
            if same and edge[1] - last[1] <= _TALLEST_ROW:
                waiting.remove(edge)
                if edge[1] - last[1] > 3.0:
                    pile.append(edge)
        if len(pile) >= 3:
            yield pile


def _blank_strips(
    x0: float, x1: float, top: float, bottom: float, glyphs: Sequence[Glyph]
) -> list[float]:
    """The middles of the strips that no character between the rules reaches into."""
    spans = sorted(
        (glyph.rect[0], glyph.rect[2])
        for glyph in glyphs
        if top < (glyph.rect[1] + glyph.rect[3]) / 2 < bottom
        and x0 - _SAME <= glyph.rect[0] <= x1 + _SAME
    )
    joined: list[list[float]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1] + _LEAST_GAP:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return [(before[1] + after[0]) / 2 for before, after in pairwise(joined)]
