"""Whole experiments on a small manual: measured, kept in MLflow, resumed, compared."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from evals.run.__main__ import main
from evals.run.plan import grid, read_datasets, thinned
from evals.run.track import rows_of_run
from tests.evals.conftest import QUESTIONS, Material
from tests.stand_in.ollama import OllamaStandIn, Reply, Request, Script, quote_first_passage

slow = pytest.mark.slow


def run(material: Material, *more: str, name: str = "report") -> dict[str, Any]:
    """The report of one run that went well."""
    path = material.data.parent / f"{name}.json"
    assert main([*material.arguments, "--json", str(path), *more]) == 0
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def outcome_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows without what differs from run to run: times and ids."""
    never_equal = {"key", "ms", "first_token_ms", "stage_ms", "answer_id", "trace_id"}
    return [{k: v for k, v in row.items() if k not in never_equal} for row in report["rows"]]


@slow
def test_quotations_are_measured(material: Material, capsys: pytest.CaptureFixture[str]) -> None:
    report = run(material, "--llm", "none", "--no-mlflow", "--num-ctx", "512", "2048")
    (setting,) = report["settings"]  # without a model the window changes nothing
    measured = {name: value["mean"] for name, value in setting["metrics"].items()}
    assert measured["failed"] == 0
    assert measured["hit@3"] == 1.0
    assert measured["contains"] == 1.0
    assert measured["right_page"] == 1.0
    assert measured["quotes_on_page"] == 1.0
    assert measured["refused_rightly"] == 1.0
    assert setting["metrics"]["contains"]["n"] == 5
    assert setting["metrics"]["refused_rightly"]["n"] == 1
    assert setting["modes"] == {"quote": 5, "refusal": 1}
    assert "hit@3" in capsys.readouterr().out
    assert list(material.data.rglob("*.jsonl")) == []  # nothing is left to resume


@slow
def test_mlflow_has_it_all(material: Material) -> None:
    from mlflow import MlflowClient

    with OllamaStandIn() as ollama:
        report = run(
            material, "--llm", "ollama", "--ollama-url", ollama.url, "--hyde", "never",
            "--num-ctx", "512", "2048", "--html", str(material.data.parent / "report.html"),
        )  # fmt: skip
        assert {request.options["num_ctx"] for request in ollama.history} == {512, 2048}
    client = MlflowClient(f"sqlite:///{material.data / 'mlflow.db'}")
    parent = client.get_run(report["run_id"])
    params = parent.data.params
    assert {"git_commit", "dataset_hash", "prompt_versions", "model_digests"} <= params.keys()
    assert "mistral" in params["model_digests"] and params["questions"] == "6"
    artefacts = {file.path for file in client.list_artifacts(report["run_id"])}
    assert {"report.html", "report.md", "plots"} <= artefacts
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{report['run_id']}'"
    )
    assert {child.data.params["num_ctx"] for child in children} == {"512", "2048"}
    for child in children:
        assert child.info.status == "FINISHED"
        setting = next(s for s in report["settings"] if s["name"] == child.info.run_name)
        wanted = setting["metrics"]["hit@3"]["mean"]
        assert child.data.metrics["hit_at_3"] == pytest.approx(wanted, abs=1e-4)
        rows = rows_of_run(client, child.info.run_id)
        assert rows == [row for row in report["rows"] if row["setting"] == setting["name"]]
        traces = client.search_traces(
            locations=[parent.info.experiment_id], run_id=child.info.run_id
        )
        assert {t.info.trace_id for t in traces} == {row["trace_id"] for row in rows}
    assert "<svg" in (material.data.parent / "report.html").read_text(encoding="utf-8")


class Blocking:
    """A model that answers, until it is asked for the ``number``-th time: then it waits."""

    def __init__(self, number: int) -> None:
        self.gate = threading.Event()
        self._left = number

    def __call__(self, request: Request) -> Script:
        self._left -= 1
        said = quote_first_passage(request)
        return Reply(str(said), gate=self.gate) if self._left == 0 else said


@slow
def test_killed_and_started_again(material: Material) -> None:
    model = Blocking(4)
    with OllamaStandIn(answer=model) as ollama:
        options = ["--llm", "ollama", "--ollama-url", ollama.url, "--hyde", "never"]
        command = [sys.executable, "-m", "evals.run", *material.arguments, *options]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as killed:
            try:
                ollama.wait_for_request(4, timeout_s=120)
            finally:
                killed.kill()
        model.gate.set()
        (journal,) = material.data.rglob("*.jsonl")
        assert len(journal.read_text(encoding="utf-8").splitlines()) == 3
        resumed = run(material, *options)
        # The fourth question, and those behind it that need a model; none of the first three.
        asked_again = len(ollama.history) - 4
        assert asked_again == len([row for row in QUESTIONS[3:] if row["manuals"]])
        whole = run(material, *options, name="whole")
    assert outcome_of(resumed) == outcome_of(whole)
    assert resumed["run_id"] != whole["run_id"]
    _one_parent_each(material.data, {resumed["run_id"], whole["run_id"]})


def _one_parent_each(data: Path, parents: set[str]) -> None:
    """The killed start and the second one are one run in MLflow."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{data / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("millwright-evals").experiment_id
    runs = client.search_runs([experiment])
    top = {one.info.run_id for one in runs if "mlflow.parentRunId" not in one.data.tags}
    assert top == parents
    assert all(one.info.status == "FINISHED" for one in runs)
    assert len(runs) == 4


@slow
def test_compare(material: Material, capsys: pytest.CaptureFixture[str]) -> None:
    def at_a_loss(request: Request) -> Script:
        return "Das hängt von der Maschine ab."

    with OllamaStandIn(answer=at_a_loss) as ollama:
        options = ["--llm", "ollama", "--ollama-url", ollama.url, "--hyde", "never"]
        bad = run(material, *options, "--repeat", "2", name="bad")
    good = run(material, "--llm", "none", "--no-mlflow", name="good")
    files = [str(material.data.parent / f"{name}.json") for name in ("bad", "good")]
    told = material.data.parent / "compared.json"
    page = material.data.parent / "compared.html"
    assert main(["--compare", *files, "--json", str(told), "--html", str(page)]) == 0
    assert "Before and after" in page.read_text(encoding="utf-8")
    (pair,) = json.loads(told.read_text(encoding="utf-8"))
    assert pair["metrics"]["contains"]["mean"] >= 0.8  # contradicting values are always quoted
    assert pair["metrics"]["contains"]["n"] == 5  # repeats of a question count once
    assert pair["metrics"]["contains"]["verdict"] == "too few questions"
    assert pair["metrics"]["hit@3"]["verdict"] == "no difference"
    capsys.readouterr()
    # A run is also known by its id in MLflow.
    assert main(["--compare", bad["run_id"], files[0], "--data", str(material.data)]) == 0
    lines = capsys.readouterr().out.splitlines()
    contains = next(line for line in lines if line.startswith("contains"))
    assert contains.endswith("no difference")
    assert main(["--compare", "unknown", files[1], "--data", str(material.data)]) == 2
    assert good["run_id"] == ""


def test_a_model_that_is_not_there_is_said_at_once(
    material: Material, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*material.arguments, "--llm", "ollama", "--ollama-url", "http://127.0.0.1:9"]
    assert main(arguments) == 2
    assert "unreachable" in capsys.readouterr().err


def test_grid() -> None:
    assert [s.name for s in grid(["a", "b"], [512, 2048], ["hyde"], ablate=False)] == [
        "a, num_ctx 512, without hyde",
        "a, num_ctx 2048, without hyde",
        "b, num_ctx 512, without hyde",
        "b, num_ctx 2048, without hyde",
    ]
    names = [s.name for s in grid([], [512, 2048], [], ablate=True)]
    assert names[0] == "quotation" and "quotation, without dense" in names
    assert len(set(names)) == len(names) == 6


def test_a_wrong_line_of_a_dataset_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"question": "a", "manuals": [], "pages": []}\n{"question": "b"}\n')
    with pytest.raises(ValueError, match=r"mine.jsonl, line 2: KeyError\('manuals'\)"):
        read_datasets([path])
    path.write_text('\n{"question": "a", "manuals": [], "pages": []}\n')
    assert read_datasets([path])[0]["id"] == "mine-2"


def test_a_limit_takes_from_everywhere() -> None:
    rows = [{"id": n} for n in range(100)]
    assert [row["id"] for row in thinned(rows, 4)] == [0, 25, 50, 75]
    assert thinned(rows, 0) == rows == thinned(rows, 1000)
