"""A window that is too small costs quality, and a fitted prompt loses less than one sent whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.num_ctx import main
from evals.reader import SmallWindow, read_aloud
from tests.stand_in.ollama import Request

# Passages long enough that three of them do not fit 512 tokens.
FILLER = "Dieser Absatz sagt nichts weiter als dass gearbeitet wird und noch mehr davon folgt."


def request(*contents: str) -> Request:
    found = Request({"messages": []})
    found.seen = [{"role": "user", "content": content} for content in contents]
    return found


def test_the_reader_knows_only_what_it_sees() -> None:
    passages = "[1] P9, Seite 2\nÖldruck prüfen: 6,5 bar\n[2] P9, Seite 3\nSchrauben: 23 Nm\n"
    question = "\nFrage: Wie hoch ist der Öldruck?"
    assert read_aloud(request(passages + question)) == "Öldruck prüfen: 6,5 bar [1]"
    cut = passages[passages.index("bar") :]
    assert "usual procedure" in str(read_aloud(request(cut + question)))
    assert "usual procedure" in str(read_aloud(request(passages)))  # no question, no answer


@pytest.mark.slow
def test_a_small_window_costs_and_fitting_costs_less(tmp_path: Path) -> None:
    """On the sample manuals; some questions, the smallest window and a large one."""
    told, plot = tmp_path / "told.json", tmp_path / "plot.svg"
    arguments = ["--limit", "20", "--num-ctx", "512", "4096", "--data", str(tmp_path / "data")]
    arguments += ["--json", str(told), "--html", str(tmp_path / "told.html")]
    assert main([*arguments, "--svg", str(plot), "--markdown", str(tmp_path / "table.md")]) == 0
    small, large = json.loads(told.read_text(encoding="utf-8"))

    def mean(entry: dict[str, Any], way: str, name: str = "contains") -> float:
        return float(entry[way]["metrics"][name]["mean"])

    assert small["fitted"]["cut_by_server"] == large["fitted"]["cut_by_server"] == 0
    assert large["unfitted"]["cut_by_server"] == 0 < small["unfitted"]["cut_by_server"]
    assert mean(small, "fitted", "arrived/rules") == 1.0 > mean(small, "unfitted", "arrived/rules")
    assert mean(small, "unfitted", "arrived/fact") < mean(large, "unfitted", "arrived/fact")
    assert mean(small, "unfitted") <= mean(large, "unfitted")
    assert mean(small, "fitted") > mean(small, "unfitted")
    assert mean(large, "fitted") == mean(large, "unfitted")
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "0.583" in table and "theirs" in table
    assert plot.read_text(encoding="utf-8").startswith("<svg")
    assert (tmp_path / "told.html").read_text(encoding="utf-8").count("<svg") == 2
    _mlflow_has_it(tmp_path / "data")


def _mlflow_has_it(data: Path) -> None:
    """A parent run with the reports, and a child per window and way with its table and traces."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{data / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("millwright-evals")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    names = {artefact.path for artefact in client.list_artifacts(parent.info.run_id)}
    assert names >= {"num_ctx.md", "num_ctx.html", "plots"}
    children = {run.info.run_name: run for run in runs if run is not parent}
    assert set(children) == {
        f"{way}, num_ctx {window}, without dense, without reranker, without hyde"
        for way in ("fitted", "unfitted")
        for window in (512, 4096)
    }
    for run in children.values():
        assert run.data.metrics["contains"] >= 0
        assert run.data.params["dataset_hash"] and run.info.status == "FINISHED"


def test_the_server_gives_no_more_than_it_has() -> None:
    import httpx

    long = " ".join([FILLER] * 60)
    body = {
        "model": "reader",
        "stream": False,
        "messages": [{"role": "user", "content": long}],
        "options": {"num_ctx": 32768},
    }
    with SmallWindow(512) as server:
        reply = httpx.post(f"{server.url}/api/chat", json=body, timeout=20)
        # As the server's log has it: "truncating input prompt limit=258 … keep=4" at 512.
        assert reply.json()["prompt_eval_count"] == pytest.approx(258, abs=2)
        assert server.history[0].truncated
        assert server.history[0].prompt.endswith(long[-400:])
