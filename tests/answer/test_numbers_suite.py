"""Two hundred answers from the sample manuals, each unchanged and with one value changed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.answer.numbers import Checker
from rag.ingest.document import ReadManual, read_document
from tests.answer.changed_values import CHANGES, Statement, change, statements

SAMPLES = Path(__file__).parents[2] / "evals" / "samples"
ANSWERS = 200

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def manuals() -> list[ReadManual]:
    return [
        read_document(path, file_name=path.name, ocr_languages="deu+eng")
        for path in sorted(SAMPLES.glob("*.pdf"))
    ]


@pytest.fixture(scope="module")
def said(manuals: list[ReadManual]) -> list[Statement]:
    random_ = random.Random(20261122)
    found: list[Statement] = []
    for manual in manuals:
        of_manual = statements(manual.chunks, manual.language, random_)
        found += random_.sample(of_manual, min(len(of_manual), ANSWERS // len(manuals)))
    return found


def is_marked(text: str, statement: Statement) -> bool:
    checker = Checker(statement.passages, statement.question, statement.language)
    findings = checker.check(text, frozenset({1}))
    return any(finding.check.status == "missing" for finding in findings)


def changed(said: list[Statement]) -> Iterator[tuple[str, str, Statement]]:
    """200 changed answers, all kinds of change in turn."""
    random_ = random.Random(4)
    made = 0
    for turn in range(len(CHANGES)):
        for place, statement in enumerate(said):
            kind = CHANGES[(place + turn) % len(CHANGES)]
            text = change(statement, kind, random_)
            if text is not None and made < ANSWERS:
                made += 1
                yield kind, text, statement


def test_unchanged_answers_are_not_marked(said: list[Statement]) -> None:
    marked = [one.text for one in said if is_marked(one.text, one)]

    assert len(said) >= ANSWERS * 0.9
    assert len(marked) <= 0.03 * len(said), marked


def test_changed_values_are_caught(said: list[Statement]) -> None:
    passed = []
    total = dict.fromkeys(CHANGES, 0)
    for kind, text, statement in changed(said):
        total[kind] += 1
        if not is_marked(text, statement):
            passed.append((kind, text, f"right: {statement.value}"))

    assert sum(total.values()) == ANSWERS
    assert all(count >= 20 for count in total.values()), total
    assert len(passed) <= 0.02 * ANSWERS, passed
