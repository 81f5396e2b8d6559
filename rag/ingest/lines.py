"""From characters to lines in reading order: words, lines, columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from rag.ingest.layout import Glyph, Line, Rect, turn, union

_WORD_GAP = 0.28  # of the letter size; a wider gap parts words even without a blank
_SEGMENT_GAP = 1.1  # of the letter size; a wider gap may be a tab or the gutter of columns
_FAR = 3.0  # of the letter size; what stands further apart is parted by a tab
_SAME_LINE = 0.5  # share of the lower line's height that must overlap
_GUTTER = 8.0  # points; the narrowest space between columns


def build_lines(
    glyphs: Sequence[Glyph],
    page: int,
    width: float,
    height: float,
    *,
    columns: bool = True,
    regions: Sequence[Rect] = (),
) -> list[Line]:
    """The lines of ``glyphs`` in reading order; text that stands sideways comes last.

    ``columns`` looks for columns side by side; within a cell or a frame there are none. For each
    of ``regions`` (tables, frames) a line without text marks its place in the order.
    """
    places = [
        Line("", rect, 0.0, False, page, region=number) for number, rect in enumerate(regions)
    ]
    lines: list[Line] = []
    for turned in sorted({0, *(glyph.turned for glyph in glyphs)}):
        chosen = [glyph for glyph in glyphs if glyph.turned == turned]
        if turned:
            chosen = [_turned(glyph, width, height) for glyph in chosen]
        segments = _segments(chosen, page) + ([] if turned else places)
        found = in_reading_order(segments) if columns and not turned else _rows(segments)
        if turned:
            wide, high = (height, width) if turned % 2 else (width, height)
            for line in found:
                line.rect = turn(line.rect, wide, high, -turned)
        lines.extend(found)
    return lines


def _turned(glyph: Glyph, width: float, height: float) -> Glyph:
    rect = turn(glyph.rect, width, height, glyph.turned)
    return Glyph(glyph.text, rect, glyph.size, glyph.bold, 0, glyph.after_space)


def _segments(glyphs: Sequence[Glyph], page: int) -> list[Line]:
    """Runs of characters on one base line without a gap that a column could make."""
    runs: list[list[Glyph]] = []
    for glyph in glyphs:
        if runs and _goes_on(runs[-1][-1], glyph):
            runs[-1].append(glyph)
        else:
            runs.append([glyph])
    lines = [_line_of(run, page) for run in runs]
    return _joined(sorted(lines, key=lambda line: (line.rect[0], line.rect[1])))


def _goes_on(last: Glyph, glyph: Glyph) -> bool:
    gap = glyph.rect[0] - last.rect[2]
    size = max(last.size, glyph.size, 1.0)
    return _overlap(last.rect, glyph.rect) > _SAME_LINE and -0.6 * size < gap < _SEGMENT_GAP * size


def _overlap(one: Rect, other: Rect) -> float:
    """Vertical overlap as a share of the lower of the two."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return shared / max(min(one[3] - one[1], other[3] - other[1]), 0.1)


def _line_of(run: Sequence[Glyph], page: int) -> Line:
    parts = [run[0].text]
    for before, glyph in pairwise(run):
        gap = glyph.rect[0] - before.rect[2]
        if glyph.after_space or gap > _WORD_GAP * max(glyph.size, before.size):
            parts.append(" ")
        parts.append(glyph.text)
    sizes = Counter(round(glyph.size, 1) for glyph in run)
    bold = sum(glyph.bold for glyph in run) * 2 > len(run)
    return Line("".join(parts), union(g.rect for g in run), sizes.most_common(1)[0][0], bold, page)


def _joined(segments: list[Line]) -> list[Line]:
    """Join runs that the file drew apart though they stand close together on one line."""
    joined: list[Line] = []
    for segment in segments:
        for earlier in reversed(joined[-400:]):
            gap = segment.rect[0] - earlier.rect[2]
            size = max(segment.size, earlier.size, 1.0)
            if _overlap(earlier.rect, segment.rect) > _SAME_LINE and (
                -0.4 * size < gap < _SEGMENT_GAP * size
            ):
                _append(earlier, segment, " " if gap > 0.12 * size else "")
                break
        else:
            joined.append(segment)
    return joined


def _append(line: Line, more: Line, between: str) -> None:
    longer = line if len(line.text) >= len(more.text) else more
    line.bold = (line.bold and more.bold if len(line.text) + len(more.text) > 0 else line.bold) or (
        longer.bold and len(longer.text) > 3 * min(len(line.text), len(more.text))
    )
    line.size = longer.size
    line.text = f"{line.text}{between}{more.text}"
    line.rect = union((line.rect, more.rect))


def _rows(segments: Sequence[Line]) -> list[Line]:
    """Segments of one height joined to lines, from top to bottom."""
    rows: list[list[Line]] = [[segment] for segment in segments if segment.region >= 0]
    texts = [segment for segment in segments if segment.region < 0]
    for segment in sorted(texts, key=lambda line: (line.rect[1] + line.rect[3]) / 2):
        row = next(
            (
                row
                for row in rows[-3:]
                if row[0].region < 0 and _overlap(row[0].rect, segment.rect) > _SAME_LINE
            ),
            None,
        )
        if row is None:
            rows.append([segment])
        else:
            row.append(segment)
    lines: list[Line] = []
    for row in rows:
        row.sort(key=lambda line: line.rect[0])
        for segment in row[1:]:
            gap = segment.rect[0] - row[0].rect[2]
            _append(row[0], segment, "\t" if gap > _FAR * segment.size else " ")
        lines.append(row[0])
    return sorted(lines, key=lambda line: line.rect[1])


def in_reading_order(segments: list[Line]) -> list[Line]:
    """Segments joined to lines: bands of full width and, between them, columns left to right."""
    if not segments:
        return []
    gutter = _find_gutter(segments)
    if gutter is None:
        return _rows(segments)
    left_edge, right_edge, top, bottom = gutter
    middle = (left_edge + right_edge) / 2
    above = [line for line in segments if line.rect[3] <= top + 1]
    below = [line for line in segments if line.rect[1] >= bottom - 1 and line not in above]
    within = [line for line in segments if line.rect[3] > top + 1 and line.rect[1] < bottom - 1]
    left = [line for line in within if (line.rect[0] + line.rect[2]) / 2 < middle]
    right = [line for line in within if (line.rect[0] + line.rect[2]) / 2 >= middle]
    ordered = [*in_reading_order(above)] if above else []
    for column in (left, right):
        lines = in_reading_order(column)
        bounds = union(line.rect for line in lines)
        for line in lines:
            line.column = line.column or bounds
        ordered.extend(lines)
    return ordered + (in_reading_order(below) if below else [])


def _find_gutter(segments: list[Line]) -> tuple[float, float, float, float] | None:
    """The blank strip between two columns of running text: (x0, x1, top, bottom), or None.

    Running text fills its column; a list of names and values does not, and is read across.
    """
    bounds = union(line.rect for line in segments)
    width = bounds[2] - bounds[0]
    best: tuple[int, tuple[float, float, float, float]] | None = None
    for start in sorted({round(line.rect[2], 0) for line in segments}):
        if not bounds[0] + 0.2 * width < start < bounds[0] + 0.8 * width:
            continue
        for band in _bands_free_of(segments, start + 2, start + _GUTTER):
            found = _as_columns(band, start)
            if found and (best is None or len(band) > best[0]):
                best = (len(band), found)
    return best[1] if best else None


def _bands_free_of(segments: list[Line], x0: float, x1: float) -> list[list[Line]]:
    """Groups of segments, top to bottom, between those that cross the strip from x0 to x1."""
    crossing = sorted(line.rect[1] for line in segments if line.rect[0] < x1 and line.rect[2] > x0)
    bands: list[list[Line]] = [[] for _ in range(len(crossing) + 1)]
    for line in segments:
        if line.rect[0] < x1 and line.rect[2] > x0:
            continue
        bands[sum(y <= line.rect[1] for y in crossing)].append(line)
    return [band for band in bands if len(band) >= 6]


def _as_columns(band: list[Line], start: float) -> tuple[float, float, float, float] | None:
    left = [line for line in band if line.rect[2] <= start + 2]
    right = [line for line in band if line.rect[0] >= start + 2]
    if min(len(left), len(right)) < 3:
        return None
    for side in (left, right):
        edges = union(line.rect for line in side)
        filled = median(line.rect[2] - line.rect[0] for line in side)
        texts = [len(line.text) for line in side if line.region < 0]
        if filled < 0.55 * (edges[2] - edges[0]) or (texts and median(texts) < 18):
            return None
    everything = union(line.rect for line in band)
    inner = max(line.rect[2] for line in left), min(line.rect[0] for line in right)
    shared = min(max(li.rect[3] for li in left), max(li.rect[3] for li in right)) - max(
        min(li.rect[1] for li in left), min(li.rect[1] for li in right)
    )
    if inner[1] - inner[0] < _GUTTER or shared < 30:
        return None
    return inner[0], inner[1], everything[1], everything[3]
