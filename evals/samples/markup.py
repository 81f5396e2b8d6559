"""The small markup in which the sample manuals are written.

# Chapter            ## Section            ### Subsection
Plain line           one paragraph
1. step              a numbered step
- item               a bullet
! WARNUNG | headline | body | - measure    a signal-word box
|= a | b             header row of a table; ``| 1 | 2`` a row; "^" merges with the cell above,
                     "<" with the cell to the left
@name key=value …    a directive for the table that follows, a figure, a page of another kind
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Heading:
    level: int
    title: str


@dataclass(frozen=True)
class Paragraph:
    text: str
    style: str = "body"
    marker: str = ""


@dataclass(frozen=True)
class SignalBox:
    word: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table: header rows, body rows, and what its directive said (caption, widths, tag)."""

    header: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Directive:
    name: str
    options: dict[str, str]


Block = Heading | Paragraph | SignalBox | Grid | Directive

_STEP = re.compile(r"(\d+\.) (.*)")
_HEADING = re.compile(r"(#{1,3}) (.*)")


def read_blocks(folder: Path) -> list[Block]:
    """The blocks of all ``*.txt`` files of ``folder``, in the order of their names."""
    blocks: list[Block] = []
    for path in sorted(folder.glob("*.txt")):
        blocks.extend(parse(path.read_text("utf-8"), folder))
    return blocks


def parse(text: str, folder: Path) -> Iterator[Block]:
    """Blocks of one text; ``@table file=…`` is read from ``folder``."""
    options: dict[str, str] = {}
    header: list[tuple[str, ...]] = []
    rows: list[tuple[str, ...]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|="):
            header.append(_cells(line[2:]))
            continue
        if line.startswith("|"):
            rows.append(_cells(line[1:]))
            continue
        if header:
            yield Grid(tuple(header), tuple(rows), options)
            options, header, rows = {}, [], []
        line = line.strip()
        if not line or line.startswith("%"):
            continue
        if line.startswith("@table"):
            options = _options(line)
            if "file" in options:
                yield _grid_from_file(folder / options["file"], options)
                options = {}
            continue
        yield _block(line)


def _block(line: str) -> Block:
    if line.startswith("@"):
        return Directive(line[1:].split()[0], _options(line))
    if found := _HEADING.fullmatch(line):
        return Heading(len(found[1]), found[2])
    if line.startswith("! "):
        word, *parts = (part.strip() for part in line[2:].split("|"))
        return SignalBox(
            word,
            tuple(part.replace("- ", "• ", 1) if part.startswith("- ") else part for part in parts),
        )
    if found := _STEP.fullmatch(line):
        return Paragraph(found[2], "step", found[1])
    if line.startswith("- "):
        return Paragraph(line[2:], "bullet", "•")
    return Paragraph(line)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.split("|"))


def _options(line: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in shlex.split(line)[1:])


def _grid_from_file(path: Path, options: dict[str, str]) -> Grid:
    lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    return Grid((_cells(lines[0]),), tuple(_cells(line) for line in lines[1:]), options)
