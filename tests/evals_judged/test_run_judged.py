"""The whole judged run against the stand-in, as answerer and as judge, read back by MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.judge import METRICS
from evals.run.__main__ import main
from tests.evals.conftest import BOOK, Material, material
from tests.evals_judged.scripted_judge import ScriptedJudge
from tests.stand_in.ollama import OllamaStandIn

__all__ = ["material"]


def judged(
    material: Material, answering: OllamaStandIn, judging: OllamaStandIn, *more: str
) -> dict[str, Any]:
    path = material.data.parent / "report.json"
    arguments = [
        *("--llm", "ollama", "--ollama-url", answering.url, "--hyde", "never"),
        *("--judge", "judge", "--judge-url", judging.url, "--json", str(path), *more),
    ]
    assert main([*material.arguments, *arguments]) == 0
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


@pytest.fixture
def one_question(material: Material) -> Material:
    """A question whose answer, passage and reference can be judged by hand."""
    row = {
        "id": "one",
        "question": "Was bedeutet der Fehler E-101?",
        "language": "de",
        "manuals": [BOOK],
        "pages": [1],
        "must_contain": None,
        "answer": "Der Fehler E-101 bedeutet, dass der Öldruck zu niedrig ist. Anhalten.",
    }
    nothing = {
        "id": "two",
        "question": "Was bedeutet E-512?",
        "language": "de",
        "manuals": [],
        "pages": [],
    }
    lines = [json.dumps(each) for each in (row, nothing)]
    material.dataset.write_text("\n".join(lines), encoding="utf-8")
    return material


def test_scores_and_failures_reach_mlflow(
    one_question: Material, judging_server: OllamaStandIn, scripted: ScriptedJudge
) -> None:
    import mlflow

    said = "Der Fehler E-101 bedeutet, dass der Öldruck zu niedrig ist [1]. Rufen Sie an."
    scripted.override["ContextRecallClassifications"] = lambda _: '{"classifications": []}'
    with OllamaStandIn(answer=lambda _: said) as answering:
        report = judged(one_question, answering, judging_server)
    (setting,) = report["settings"]
    means = {
        name: setting["metrics"][name]["mean"] for name in METRICS if name in setting["metrics"]
    }
    # Of two statements one is in the passage; claims: precision 1/2, recall 1/2.
    assert means == {
        "faithfulness": 0.5,
        "context_precision": 1.0,
        "factual_correctness": 0.5,
        "noise_sensitivity": 0.0,
    }
    assert setting["failed_judgements"] == {"context_recall": 1}
    mlflow.set_tracking_uri(f"sqlite:///{one_question.data / 'mlflow.db'}")
    (child,) = report["runs"].values()
    run = mlflow.get_run(child)
    assert run.data.metrics["faithfulness"] == 0.5
    assert run.data.metrics["context_recall.failed"] == 1
    assert "context_recall" not in run.data.metrics  # failed is not 0
    assert mlflow.get_run(report["run_id"]).data.params["judge"] == "judge"
    mlflow.set_experiment(experiment_id=run.info.experiment_id)
    table = mlflow.load_table("questions.json", run_ids=[child])
    assert list(table["id"]) == ["one", "two"]
    assert table["faithfulness"][0] == 0.5
    assert "Nonsense" in table["judge_failures"][0]
    traces = mlflow.search_traces(
        locations=[run.info.experiment_id], run_id=child, return_type="list"
    )
    assert len(traces) == 2
    assert {span.name for trace in traces for span in trace.data.spans} >= {"answer", "generation"}


def test_without_ragas_the_judge_is_refused_before_anything_is_asked(
    one_question: Material, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ragas", None)  # as if it were not installed
    assert main([*one_question.arguments, "--llm", "none", "--judge", "judge"]) == 2
    assert "judging needs ragas" in capsys.readouterr().err
    assert not Path(one_question.data).exists()
