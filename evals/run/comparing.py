"""``--compare RUN_A RUN_B``: what changed between two runs, and what did not."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from evals import report
from evals.run.results import compare, estimates
from evals.run.track import TABLE, rows_of_run
from rag.observe.mlflow_client import tracking_uri
from rag.settings import Settings

Row = dict[str, Any]


def main(options: argparse.Namespace) -> int:
    """Print the comparison of two runs; 2 when one of them cannot be read."""
    try:
        before, after = (rows_by_setting(options, name) for name in options.compare)
    except (OSError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    found = [
        {
            "before": a,
            "after": b,
            "metrics": compare(before[a], after[b]),
            "means": {"before": estimates(before[a]), "after": estimates(after[b])},
        }
        for a, b in pairs(list(before), list(after))
    ]
    print(report.comparison(found))
    if options.json:
        options.json.write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")
    if options.html:
        options.html.write_text(report.comparison_html(found), "utf-8")
    return 0


def pairs(before: list[str], after: list[str]) -> list[tuple[str, str]]:
    """Settings of the same name; of one setting each, those two whatever their names."""
    if len(before) == len(after) == 1:
        return [(before[0], after[0])]
    common = [(name, name) for name in before if name in after]
    if not common:
        raise ValueError(f"no setting in common: {', '.join(before)} | {', '.join(after)}")
    return common


def rows_by_setting(options: argparse.Namespace, name: str) -> dict[str, list[Row]]:
    """Rows of a ``--json`` file, of an MLflow run, or of all children of an MLflow parent run.

    Raises ``LookupError`` for an unknown run, ``ValueError`` for a file of another form.
    """
    if Path(name).is_file():
        rows = json.loads(Path(name).read_text("utf-8")).get("rows")
        if rows is None:
            raise ValueError(f"{name} is not a report of evals.run")
    else:
        rows = _rows_of_mlflow(options, name)
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["setting"], []).append(row)
    return found


def _rows_of_mlflow(options: argparse.Namespace, run_id: str) -> list[Row]:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    settings = Settings(data_dir=options.data, mlflow_tracking_uri=options.tracking_uri)
    client = MlflowClient(tracking_uri(settings))
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise LookupError(f"no file and no MLflow run is called {run_id}") from error
    children = client.search_runs(
        [run.info.experiment_id], f"tags.mlflow.parentRunId = '{run_id}'", order_by=["start_time"]
    )
    runs = [child.info.run_id for child in children] or [run_id]
    with_table = [one for one in runs if any(f.path == TABLE for f in client.list_artifacts(one))]
    return [row for one in with_table for row in rows_of_run(client, one)]
