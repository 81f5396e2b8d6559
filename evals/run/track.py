"""MLflow: a parent run per experiment, a child per setting, with tables, artefacts and traces.

Written with MLflow's small client, so that the service's environment is enough: a table is stored
in the form of ``mlflow.log_table`` (which needs pandas), and ``mlflow.load_table`` reads it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.run.plan import Setting
from rag.observe.mlflow_client import MlflowClient as TraceClient
from rag.observe.mlflow_client import Refused, tracking_uri
from rag.observe.trace import trace_of
from rag.settings import Settings
from rag.types import Answer

TABLE = "questions.json"
_PSEUDONYM = "evals"


class Tracking:
    """The runs of one experiment. ``state`` keeps their ids for a second start."""

    def __init__(self, settings: Settings, state: Path) -> None:
        self._settings = settings
        self._state = state
        self._traces = TraceClient(settings)  # first: it makes the store and the experiment
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri(settings))
        self.experiment_id = self.client.get_experiment_by_name(
            settings.mlflow_experiment
        ).experiment_id
        known = json.loads(state.read_text()) if state.exists() else {}
        self.parent: str = known.get("parent", "")
        self.children: dict[str, str] = known.get("children", {})

    def begin(self, name: str, params: dict[str, Any], settings: Sequence[Setting]) -> None:
        """Make the runs that are not there yet."""
        if not self.parent:
            self.parent = self._new_run(name, {})
            self._params(self.parent, params)
            self._keep()
        for setting in settings:
            if setting.name in self.children:
                continue
            child = self._new_run(setting.name, {"mlflow.parentRunId": self.parent})
            off = {f"with_{stage}": False for stage in setting.off}
            chosen = {"model": setting.model or "none", "num_ctx": setting.num_ctx, **off}
            self._params(child, params | chosen)
            self.children[setting.name] = child
            self._keep()

    def answered(self, setting: Setting, row: dict[str, Any], answer: Answer | None) -> None:
        """Write the answer's trace and link it to its run; again after a kill, it is still one."""
        if answer is None:
            return
        run_id = self.children[setting.name]
        trace = trace_of(answer, pseudonym=_PSEUDONYM, thread_id=row["id"])
        [written] = self._traces.write(trace.to_json())
        if isinstance(written, Refused):
            raise written
        self.client.link_traces_to_run([trace.name], run_id)
        row["trace_id"] = trace.name

    def finished(
        self, setting: Setting, summary: dict[str, Any], rows: Sequence[dict[str, Any]]
    ) -> None:
        """Metrics and the per-question table of one setting."""
        run_id = self.children[setting.name]
        self.metrics(run_id, flat_metrics(summary))
        self.table(run_id, rows)
        self.client.log_dict(run_id, summary, "summary.json")
        self.client.set_terminated(run_id, "FINISHED")

    def reports(self, files: dict[str, str]) -> None:
        """Artefacts of the whole experiment, by file name; ends the parent run."""
        for name, text in files.items():
            self.client.log_text(self.parent, text, name)
        self.client.set_terminated(self.parent, "FINISHED")
        self._state.unlink(missing_ok=True)

    def metrics(self, run_id: str, values: dict[str, float]) -> None:
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        entities = [Metric(mlflow_name(name), value, now, 0) for name, value in values.items()]
        self.client.log_batch(run_id, metrics=entities)

    def table(self, run_id: str, rows: Sequence[dict[str, Any]]) -> None:
        columns, data = as_table(rows)
        self.client.log_text(
            run_id, json.dumps({"columns": columns, "data": data}, ensure_ascii=False), TABLE
        )
        tag = json.dumps([{"path": TABLE, "type": "table"}])
        self.client.set_tag(run_id, "mlflow.loggedArtifacts", tag)

    def _new_run(self, name: str, tags: dict[str, str]) -> str:
        run = self.client.create_run(self.experiment_id, run_name=name, tags=tags)
        return str(run.info.run_id)

    def _params(self, run_id: str, params: dict[str, Any]) -> None:
        from mlflow.entities import Param

        entities = [
            Param(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for name, value in params.items()
        ]
        self.client.log_batch(run_id, params=entities)

    def _keep(self) -> None:
        self._state.write_text(json.dumps({"parent": self.parent, "children": self.children}))


def mlflow_name(metric: str) -> str:
    """MLflow knows no "@"."""
    return re.sub(r"[^\w/.:\- ]", "_", metric.replace("@", "_at_"))


def flat_metrics(summary: dict[str, Any]) -> dict[str, float]:
    """Means under their names, bounds beside them, times, tokens and counts."""
    flat: dict[str, float] = {"n": summary["n"]}
    for name, value in summary["metrics"].items():
        flat |= {name: value["mean"], f"{name}.low": value["low"], f"{name}.high": value["high"]}
    for name, times in summary["latency_ms"].items():
        flat |= {f"latency/{name}_{which}_ms": ms for which, ms in times.items()}
    flat |= summary["tokens"]
    return flat | {f"{name}.failed": n for name, n in summary["failed_judgements"].items()}


def as_table(rows: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Columns and data; metrics are columns of their own, what is nested becomes JSON."""
    flat = [{k: v for k, v in row.items() if k != "metrics"} | row["metrics"] for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    return columns, [[_cell(row.get(name)) for name in columns] for row in flat]


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def rows_of_run(client: Any, run_id: str) -> list[dict[str, Any]]:
    """The table of a run back as rows."""
    table = json.loads(Path(client.download_artifacts(run_id, TABLE)).read_text("utf-8"))
    return [from_table(dict(zip(table["columns"], line, strict=True))) for line in table["data"]]


_PLAIN = frozenset(
    "key setting repeat id dataset question language category difficulty split answerable "
    "reference passage failure ms first_token_ms answer_id mode reason text cited notices "
    "contexts pages stage_ms prompt_version prompt_tokens answer_tokens trace_id "
    "judge judge_failures".split()
)
_NESTED = ("cited", "notices", "contexts", "pages", "stage_ms", "judge_failures")


def from_table(flat: dict[str, Any]) -> dict[str, Any]:
    """The inverse of ``as_table``'s flattening, for one row."""
    row = {name: value for name, value in flat.items() if name in _PLAIN}
    for name in _NESTED:
        if isinstance(row.get(name), str):
            row[name] = json.loads(row[name])
    row["metrics"] = {n: v for n, v in flat.items() if n not in _PLAIN and v is not None}
    return row
