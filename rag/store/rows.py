"""Manuals, pages and chunks as flat rows of text and numbers, and back without loss.

The rows serve the database and the stream of the reading worker alike, so this file imports
nothing heavy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from rag.types import Box, Chunk, Manual, ManualMetadata, ManualStatus, Page, Quality, Signal, Table

Row = Mapping[Any, Any]


def manual_to_row(manual: Manual) -> dict[str, Any]:
    """A row of ``manuals``; the quality report becomes JSON."""
    row = {item.name: getattr(manual, item.name) for item in fields(Manual)}
    return {**row, "status": str(manual.status), "quality": quality_to_json(manual.quality)}


def manual_from_row(row: Row) -> Manual:
    values = {item.name: row[item.name] for item in fields(Manual)}
    values["status"] = ManualStatus(row["status"])
    values["quality"] = quality_from_json(row["quality"])
    return Manual(**values)


def quality_to_json(quality: Quality) -> str:
    return json.dumps(asdict(quality))


def quality_from_json(text: str) -> Quality:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in json.loads(text).items()
    }
    return Quality(**values)


def metadata_to_json(metadata: ManualMetadata) -> str:
    return json.dumps(asdict(metadata), ensure_ascii=False)


def metadata_from_json(text: str) -> ManualMetadata:
    return ManualMetadata(**json.loads(text))


def page_to_row(page: Page) -> dict[str, Any]:
    """A row of ``pages`` without the manual's id; tables become JSON."""
    return {
        "page_index": page.index,
        "label": page.label,
        "width": page.width,
        "height": page.height,
        "text": page.text,
        "tables": json.dumps([_table_to_list(table) for table in page.tables], ensure_ascii=False),
        "source": page.source,
        "confidence": page.confidence,
        "language": page.language,
        "hidden_text": page.hidden_text,
    }


def page_from_row(row: Row) -> Page:
    return Page(
        index=row["page_index"],
        label=row["label"],
        width=row["width"],
        height=row["height"],
        text=row["text"],
        tables=tuple(_table_from_list(table) for table in json.loads(row["tables"])),
        source=row["source"],
        confidence=row["confidence"],
        language=row["language"],
        hidden_text=row["hidden_text"],
    )


def chunk_to_row(chunk: Chunk) -> dict[str, Any]:
    """A row of ``chunks``; codes are rows of their own, the manual's columns stay out."""
    return {
        "id": chunk.id,
        "manual_id": chunk.manual_id,
        "position": chunk.position,
        "text": chunk.text,
        "kind": chunk.kind,
        "heading": heading_to_json(chunk.heading),
        "first_page": chunk.first_page,
        "last_page": chunk.last_page,
        "first_label": chunk.first_label,
        "last_label": chunk.last_label,
        "language": chunk.language,
        "content_hash": chunk.content_hash,
        "boxes": json.dumps([_box_to_list(box) for box in chunk.boxes]),
        "signal": chunk.signal.value if chunk.signal else None,
        "notices": json.dumps(chunk.notices),
    }


def heading_to_json(heading: Sequence[str]) -> str:
    """A heading path as it is stored; equal paths are equal texts."""
    return json.dumps(list(heading), ensure_ascii=False)


def chunk_from_row(
    row: Row, codes: tuple[str, ...], *, machine: str = "", revision: str = "", title: str = ""
) -> Chunk:
    return Chunk(
        id=row["id"],
        manual_id=row["manual_id"],
        position=row["position"],
        text=row["text"],
        kind=row["kind"],
        heading=tuple(json.loads(row["heading"])),
        first_page=row["first_page"],
        last_page=row["last_page"],
        first_label=row["first_label"],
        last_label=row["last_label"],
        language=row["language"],
        content_hash=row["content_hash"],
        boxes=tuple(_box_from_list(box) for box in json.loads(row["boxes"])),
        signal=Signal(row["signal"]) if row["signal"] else None,
        codes=codes,
        notices=tuple(json.loads(row["notices"])),
        machine=machine,
        revision=revision,
        title=title,
    )


def _box_to_list(box: Box) -> list[float]:
    return [box.page, box.x0, box.y0, box.x1, box.y1]


def _box_from_list(values: list[Any]) -> Box:
    return Box(*values)


def _table_to_list(table: Table) -> list[Any]:
    row_boxes = [_box_to_list(box) for box in table.row_boxes]
    return [table.header, table.rows, _box_to_list(table.box), row_boxes, table.title]


def _table_from_list(values: list[Any]) -> Table:
    header, rows, box, row_boxes, title = values
    return Table(
        header=tuple(header),
        rows=tuple(tuple(row) for row in rows),
        box=_box_from_list(box),
        row_boxes=tuple(_box_from_list(row_box) for row_box in row_boxes),
        title=title,
    )
