"""A manual of any length for tests of speed and memory; nobody commits it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from evals.samples import markup
from evals.samples.document import build
from evals.samples.manuals import COMPRESSOR

FRONT_PAGES = 5
_VALUE = re.compile(r"\b(\d{2,3})(?= (?:Nm|bar|h|mm|Hz|°C))")


def build_large_manual(path: Path, pages: int = 200) -> int:
    """Writes a German manual of about ``pages`` pages to ``path``; returns how many it has.

    The compressor's chapters are repeated for module after module, with other values, codes and
    part numbers in each, so that nothing but the safety notices is a duplicate.
    """
    source = markup.read_blocks(COMPRESSOR.folder)
    first = next(i for i, block in enumerate(source) if isinstance(block, markup.Heading))
    front, body = source[:first], source[first:]
    manual = dataclasses.replace(COMPRESSOR, title="Betriebsanleitung Druckluftstation DS 200")
    one_module = len(build(manual, source, path).labels) - FRONT_PAGES
    wanted = round(len(body) * (pages - FRONT_PAGES) / one_module)
    modules = wanted // len(body) + 1
    blocks = [_varied(block, number + 1) for number in range(modules) for block in body]
    return len(build(manual, [*front, *blocks[:wanted]], path).labels)


def _varied(block: markup.Block, module: int) -> markup.Block:
    if isinstance(block, markup.Heading):
        return markup.Heading(block.level, f"{block.title} (Modul {module})")
    if isinstance(block, markup.Paragraph):
        return dataclasses.replace(block, text=_values(block.text, module))
    if isinstance(block, markup.Grid):
        rows = tuple(tuple(_cell(cell, module) for cell in row) for row in block.rows)
        return dataclasses.replace(block, rows=rows)
    return block


def _values(text: str, module: int) -> str:
    return _VALUE.sub(lambda found: str(int(found[1]) + module - 1), text)


def _cell(text: str, module: int) -> str:
    """``E-104`` becomes ``E-1104`` in module 2; part numbers get the module as a suffix."""
    if module == 1:
        return text
    text = re.sub(r"\b([EA])-(\d{3})\b", rf"\1-{module}\2", text)
    return re.sub(r"\b(471\d-\d{4}-\w+)", rf"\1-{module}", _values(text, module))
