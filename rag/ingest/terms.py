"""Terms of definition lists and glossaries: bold, with the definition set in below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from rag.ingest.headings import HeadingRules, is_numbered
from rag.ingest.layout import Line

_INDENT = (6.0, 80.0)  # points by which a definition is set in


def find_terms(lines: Sequence[Line], rules: HeadingRules) -> set[int]:
    """The ``id`` of each line that is a term. A term that happens to be called like a section is
    one only among others that are not: else it is a heading with its text set in."""
    found = [
        line
        for line, below in pairwise(lines)
        if line.bold
        and not below.bold
        and line.region == below.region == -1
        and line.column == below.column
        and not rules.is_larger(line)
        and not is_numbered(line.text)
        and _INDENT[0] <= below.rect[0] - line.rect[0] <= _INDENT[1]
        and 0 < below.rect[1] - line.rect[1] <= 2 * line.size
    ]
    if all(rules.is_listed(line) for line in found):
        return set()
    return {id(line) for line in found}


def usual_margin(lines: Sequence[Line]) -> float:
    """Where most lines of the page begin, in points; 0 for a page without lines."""
    starts = Counter(round(line.rect[0]) for line in lines)
    return float(starts.most_common(1)[0][0]) if starts else 0.0
