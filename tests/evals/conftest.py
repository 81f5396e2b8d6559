"""A small manual and questions on it, so that a whole experiment takes seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.parts import make_pdf

BOOK = "Presse P9.pdf"


def question(number: int, text: str, pages: list[int], said: str | None) -> dict[str, Any]:
    return {
        "id": f"q{number}",
        "question": text,
        "language": "de",
        "manuals": [BOOK] if pages else [],
        "pages": pages,
        "must_contain": said,
        "category": "troubleshooting" if number % 2 else "schedules",
        "values": [said] if said else [],
        "answer": said or "",
        "passage": said or "",
    }


QUESTIONS = [
    question(1, "Wie hoch muss der Öldruck der Baugruppe 2 sein?", [2], "6,5 bar"),
    question(2, "Mit wieviel Nm die Schrauben der Baugruppe 3 anziehen?", [3], "23 Nm"),
    question(3, "Was bedeutet der Fehler E-101?", [1], "Öldruck zu niedrig"),
    question(4, "Wie hoch muss der Öldruck der Baugruppe 1 sein?", [1], "5,5 bar"),
    question(5, "Was bedeutet E-512?", [], None),
    question(6, "Was bedeutet der Fehler E-103?", [3], "Öldruck zu niedrig"),
]


@dataclass(frozen=True)
class Material:
    """What ``python -m evals.run`` is told to use, and where it keeps things."""

    manuals: Path
    dataset: Path
    data: Path

    @property
    def arguments(self) -> list[str]:
        named = {"--manuals": self.manuals, "--dataset": self.dataset, "--data": self.data}
        return [str(each) for pair in named.items() for each in pair]


@pytest.fixture
def material(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Material:
    monkeypatch.setenv("MILLWRIGHT_EVALS_CACHE", str(tmp_path / "libraries"))
    monkeypatch.setenv("EMBEDDING_MODEL", "none")
    manuals = tmp_path / "manuals"
    manuals.mkdir()
    make_pdf(manuals / BOOK, "P9")
    dataset = tmp_path / "questions.jsonl"
    dataset.write_text("\n".join(json.dumps(row) for row in QUESTIONS), encoding="utf-8")
    return Material(manuals, dataset, tmp_path / "kept")
