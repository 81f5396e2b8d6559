"""The text of a whole page as one would read it aloud, headers, footers and tables included."""

from __future__ import annotations

from rag.ingest.blocks import BULLET, STEP
from rag.ingest.layout import Line, PageLayout
from rag.ingest.mend import Vocabulary, ends_in_hyphen, join_lines


def page_text(layout: PageLayout, vocabulary: Vocabulary) -> str:
    """All lines in reading order; lines of one paragraph are joined, words mended."""
    paragraphs: list[list[Line]] = []
    for line in layout.lines:
        if paragraphs and _goes_on(paragraphs[-1][-1], line):
            paragraphs[-1].append(line)
        else:
            paragraphs.append([line])
    return "\n".join(
        join_lines([line.text for line in paragraph], vocabulary) for paragraph in paragraphs
    )


def _goes_on(last: Line, line: Line) -> bool:
    if last.role != line.role or last.region != line.region or last.role == "contents":
        return False
    if ends_in_hyphen(last.text) and line.rect[0] < last.rect[2]:
        return True
    if BULLET.match(line.text) or STEP.match(line.text) or last.bold != line.bold:
        return False
    down = line.rect[3] - last.rect[3]
    return (
        last.role == "body"
        and abs(last.size - line.size) < 0.6
        and 0 < down < 1.6 * max(line.size, 1.0)
    )
