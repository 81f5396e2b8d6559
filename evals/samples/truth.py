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


def manual_truth(recorder: Recorder, file_name: str, meta: dict[str, str]) -> dict[str, Any]:
    """The ground truth of one manual as plain data for ``truth.json``."""
    pages = sorted(recorder.labels)
    by_tag: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in recorder.records:
        by_tag[record["tag"]].append({key: value for key, value in record.items() if key != "tag"})
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
