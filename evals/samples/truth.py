"""What was really put on which page, noted while it is drawn."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Recorder:
    """Notes of one layout pass. Page numbers are physical and 1-based."""

    words: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    running: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    labels: dict[int, str] = field(default_factory=dict)
    kinds: dict[int, str] = field(default_factory=dict)
    headings: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    path: list[str] = field(default_factory=list)

    def heading(self, level: int, title: str, page: int) -> None:
        """A heading that was drawn; the section path follows it."""
        self.path = [*self.path[: level - 1], title]
        self.headings.append({"level": level, "title": title, "page": page})

    @property
    def section(self) -> list[str]:
        return list(self.path)


# Columns of the long tables in both languages → the names of a record's fields.
FIELDS = {
    "faults": {
        "code": ("Code",),
        "title": ("Störung", "Message"),
        "cause": ("Ursache", "Cause"),
        "remedy": ("Abhilfe", "Remedy"),
    },
    "parts": {
        "number": ("Teilenummer", "Part number"),
        "name": ("Benennung", "Description"),
        "quantity": ("Menge", "Qty"),
    },
    "tasks": {"number": ("Nr.", "No."), "task": ("Wartungsarbeit", "Task")},
}
CROSS = "X"


def _fields(tag: str, cells: dict[str, str]) -> dict[str, Any]:
    """The named fields of a record; for a maintenance task the intervals that are crossed."""
    named: dict[str, Any] = {
        name: next(cells[column] for column in columns if column in cells)
        for name, columns in FIELDS.get(tag, {}).items()
    }
    if tag == "tasks":
        named["intervals"] = [column for column, cell in cells.items() if cell == CROSS]
    return named


def manual_truth(recorder: Recorder, file_name: str, meta: dict[str, str]) -> dict[str, Any]:
    """The ground truth of one manual as plain data for ``truth.json``.

    ``pages``: ``index`` (physical), ``label`` (printed), ``kind`` ("text", "two_column", "rotated",
    "scanned"), ``running`` (header left and right, footer left, label), ``text`` (words of the
    source in reading order, unhyphenated, without the running texts and the figures' frames).
    ``notices``: ``text`` has a line break where a new paragraph begins; compare with white space
    collapsed. ``records``: rows of the tables by kind, each with its page, its cells by column
    (merged cells filled in), and for faults, parts and tasks the same fields in both languages.
    """
    pages = sorted(recorder.labels)
    by_tag: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in recorder.records:
        tag, cells = record["tag"], record["cells"]
        by_tag[tag].append({"page": record["page"], **_fields(tag, cells), "cells": cells})
    return {
        "file": file_name,
        **meta,
        "pages": [
            {
                "index": page,
                "label": recorder.labels[page],
                "kind": recorder.kinds.get(page, "text"),
                "running": recorder.running.get(page, []),
                "text": " ".join(recorder.words.get(page, [])),
            }
            for page in pages
        ],
        "headings": recorder.headings,
        "notices": recorder.notices,
        "tables": recorder.tables,
        "steps": recorder.steps,
        "records": dict(by_tag),
    }
