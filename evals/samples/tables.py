"""Ruled tables whose header row is repeated on every page that they cross."""

from __future__ import annotations

from collections.abc import Callable

from reportlab.lib.colors import HexColor
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Table

from evals.samples.flowables import Style, Text
from evals.samples.markup import Grid
from evals.samples.truth import Recorder

CELL = Style(size=8.3, leading=11, after=0, hyphenate=False)
HEAD = Style(font="Vera-Bold", size=8.3, leading=11, after=0, hyphenate=False)
PADDING = 3.5


def table(grid: Grid, width: float, recorder: Recorder, language: str) -> Table:
    """``grid`` as a flowable of ``width`` points; rows are never split, header rows repeat."""
    columns = len(grid.header[0])
    for row in (*grid.header, *grid.rows):
        if len(row) != columns:
            raise ValueError(f"a row of {len(row)} cells in a table of {columns}: {row}")
    tag = grid.options.get("tag", "")
    cells = [[_cell(text, HEAD, recorder, language) for text in row] for row in grid.header]
    header = _joined_header(grid)
    values: list[str] = []
    for row in grid.rows:
        values = _filled(row, values)
        record = _record_of(tag, header, values, recorder) if tag else None
        cells.append(
            [
                _cell(text, CELL, recorder, language, record if column == 0 else None)
                for column, text in enumerate(row)
            ]
        )
    depth = len(grid.header)
    made = Table(cells, _widths(grid, width), repeatRows=depth, spaceBefore=4, spaceAfter=10)
    made.setStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.5, HexColor("#444444")),
            ("BACKGROUND", (0, 0), (-1, depth - 1), HexColor("#D9DEE4")),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE" if "span" in grid.options else "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), PADDING),
            ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
            ("TOPPADDING", (0, 0), (-1, -1), PADDING),
            ("BOTTOMPADDING", (0, 0), (-1, -1), PADDING),
            *_spans(grid),
        ]
    )
    return made


def _cell(
    text: str,
    style: Style,
    recorder: Recorder,
    language: str,
    record: Callable[[int], None] | None = None,
) -> Text | str:
    if text in ("^", "<", ""):
        return ""
    return Text(text, style, recorder, language, on_draw=record)


def _filled(row: tuple[str, ...], above: list[str]) -> list[str]:
    """The row's values with merged cells filled in from the left or from above."""
    values: list[str] = []
    for column, text in enumerate(row):
        values.append(values[-1] if text == "<" else above[column] if text == "^" else text)
    return values


def _record_of(
    tag: str, header: list[str], row: list[str], recorder: Recorder
) -> Callable[[int], None]:
    def note(page: int) -> None:
        cells = dict(zip(header, row, strict=True))
        recorder.records.append({"tag": tag, "page": page, "cells": cells})

    return note


def _joined_header(grid: Grid) -> list[str]:
    """One name a column: "Ausführung 10 bar" for a header of two rows with merged cells."""
    names = []
    for column in range(len(grid.header[0])):
        parts: list[str] = []
        for row in grid.header:
            start = column
            while row[start] == "<":
                start -= 1
            if row[start] not in ("^", ""):
                parts.append(row[start])
        names.append(" ".join(parts))
    return names


def _spans(grid: Grid) -> list[tuple[object, ...]]:
    rows = [*grid.header, *grid.rows]
    spans: list[tuple[object, ...]] = []
    for y, row in enumerate(rows):
        for x, text in enumerate(row):
            if text in ("^", "<"):
                continue
            right, down = x, y
            while right + 1 < len(row) and row[right + 1] == "<":
                right += 1
            while down + 1 < len(rows) and rows[down + 1][x] == "^":
                down += 1
            if (right, down) != (x, y):
                spans.append(("SPAN", (x, y), (right, down)))
    return spans


def _widths(grid: Grid, width: float) -> list[float]:
    """Column widths as given in percent, else by the longest word and the amount of text."""
    if "widths" in grid.options:
        return [float(part) * width / 100 for part in grid.options["widths"].split(",")]
    rows = [*grid.header, *grid.rows]
    wants = []
    for column in range(len(rows[0])):
        texts = [row[column] for row in rows if row[column] not in ("^", "<", "")]
        word = max(stringWidth(w, HEAD.font, HEAD.size) for text in texts for w in text.split())
        longest = max(stringWidth(text, HEAD.font, HEAD.size) for text in texts)
        wants.append((word + 2 * PADDING + 1, longest + 2 * PADDING + 1))
    least, most = sum(w for w, _ in wants), sum(w for _, w in wants)
    if most <= width:
        return [w * width / most for _, w in wants]
    if least >= width:
        return [w * width / least for w, _ in wants]
    share = (width - least) / (most - least)
    return [low + share * (high - low) for low, high in wants]
