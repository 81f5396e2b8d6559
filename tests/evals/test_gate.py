"""The gate lets the code pass as it is, and notices a fault in each stage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evals.faults import FAULTS
from evals.gate import Finding, main
from tests.evals.conftest import BOOK, QUESTIONS, Material

# A third of the gold set, spread evenly, so that all faults together take about two minutes.
LIMIT = "64"


def gate(folder: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, findings and what was said; a process of its own, because faults stay in it."""
    found = folder / "findings.json"
    command = [sys.executable, "-m", "evals.gate", "--json", str(found), *more]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert found.exists(), done.stderr
    return done.returncode, json.loads(found.read_text(encoding="utf-8")), done.stdout


def failed(findings: dict[str, Any]) -> set[str]:
    return {one["name"] for one in findings["findings"] if not one["holds"]}


@pytest.mark.slow
def test_nothing_is_wrong(tmp_path: Path) -> None:
    code, findings, said = gate(tmp_path)
    assert failed(findings) == set()
    assert code == 0
    assert "FAIL" not in said


# What must be among the reasons: the measure of the stage that is broken.
NOTICED = {
    "tokeniser": "words_meet",
    "fusion": "de: fused/hit@3",
    "dedup": "values_kept_apart",
    "dedup_nothing": "repetitions_merged",
    "notices": "notices_shown",
    "citations": "quotes_on_page",
}


@pytest.mark.slow
def test_these_measures_hold_when_the_stage_is_mended(tmp_path: Path) -> None:
    _, findings, _ = gate(tmp_path, "--limit", LIMIT)
    assert not failed(findings) & set(NOTICED.values())


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(fault: str, tmp_path: Path) -> None:
    code, findings, said = gate(tmp_path, "--limit", LIMIT, "--seed-fault", fault)
    assert code == 1
    assert NOTICED[fault] in failed(findings)
    assert f"FAIL  {NOTICED[fault]}" in said


@pytest.mark.slow
def test_cases_of_qa_are_held_one_by_one(
    material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bounds = tmp_path / "own.toml"
    bounds.write_text('[at_least]\n"hit@3" = 0.9\n', encoding="utf-8")
    arguments = ["--manuals", str(material.manuals), "--dataset", str(material.dataset)]
    arguments += ["--bounds", str(bounds), "--regressions", str(material.dataset)]
    assert main(arguments) == 0
    wrong = tmp_path / "wrong.jsonl"
    case = QUESTIONS[0] | {"must_contain": "99 bar", "manuals": [BOOK]}
    wrong.write_text(json.dumps(case), encoding="utf-8")
    capsys.readouterr()
    assert main([*arguments[:-1], str(wrong)]) == 1
    assert f"FAIL  regression: {case['question']} (contains)" in capsys.readouterr().out


def test_a_measure_that_is_gone_does_not_hold() -> None:
    assert not Finding("hit@3", None, 0.9, at_least=True).holds
    assert not Finding("failed", None, 0.0, at_least=False).holds
    assert Finding("hit@3", 0.9, 0.9, at_least=True).holds
    assert Finding("failed", 0.0, 0.0, at_least=False).holds
    assert not Finding("failed", 0.01, 0.0, at_least=False).holds
