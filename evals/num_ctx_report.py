"""The experiment on context windows as tables and plots, with the reference's figures beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evals.plots import Series, lines
from evals.report import REFERENCE, bounds, html_table, page, pipes

WAYS = ("fitted", "unfitted")
_MEASURES = ("contains", "right_page", "citation_recall")
_ARRIVED = ("rules", "question", "fact")
_BESIDE = [
    "num_ctx",
    "ours, fitted: answers right",
    "ours, unfitted",
    "ours, fitted: fact reached the model",
    "ours, unfitted",
    "theirs: faithfulness",
    "theirs: context recall",
    "theirs: p95",
]
_NOTE = (
    "Theirs: the reference system's own figures (a real model, other questions, sent unfitted); "
    "not measured here. Ours: a stand-in model behind a window that cuts as Ollama does. A fact "
    "can only reach the model where a prompt was sent; where rules, notices and question leave no "
    "room for a passage, the answer is a quotation."
)


def table(outcome: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Ours: a line per window and way, and the difference with its interval."""
    head = ["num_ctx", "prompt", *_MEASURES, *(f"{name} arrived" for name in _ARRIVED)]
    found = [[*head, "cut by the server", "tokens sent"]]
    for entry in outcome:
        for way in WAYS:
            one = entry[way]
            cells = [_cell(one["metrics"].get(name)) for name in _MEASURES]
            cells += [_share(one["metrics"].get(f"arrived/{name}")) for name in _ARRIVED]
            cut = f"{one['cut_by_server']} of {one['asked']}"
            found.append([str(entry["num_ctx"]), way, *cells, cut, str(one["tokens_sent"])])
        difference = entry["fitted_minus_unfitted"]
        cells = [_difference(difference.get(name)) for name in _MEASURES]
        found.append(["", "difference", *cells, *[""] * (len(_ARRIVED) + 2)])
    return found


def beside_theirs(outcome: Sequence[dict[str, Any]]) -> list[list[str]]:
    """One line per window: ours fitted and unfitted, and the reference's own figures."""
    found = [_BESIDE]
    known = {entry["num_ctx"]: entry for entry in outcome}
    for window in sorted({*known, *REFERENCE}):
        cells = []
        for name in ("contains", "arrived/fact"):
            for way in WAYS:
                one = known[window][way]["metrics"].get(name) if window in known else None
                cells.append(_share(one))
        theirs = REFERENCE.get(window)
        if theirs:
            cells += [f"{theirs[name]:.3f}" for name in ("faithfulness", "context_recall")]
            cells.append(f"{theirs['p95_s']} s")
        else:
            cells += ["–"] * 3
        found.append([str(window), *cells])
    return found


def _share(value: dict[str, float] | None) -> str:
    return f"{value['mean']:.3f}" if value else "–"


def _cell(value: dict[str, float] | None) -> str:
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]" if value else "–"


def _difference(value: dict[str, Any] | None) -> str:
    if value is None:
        return "–"
    bounds = f"[{value['low']:+.3f}, {value['high']:+.3f}]"
    return f"{value['mean']:+.3f} {bounds} {value['verdict']}"


def plots(outcome: Sequence[dict[str, Any]]) -> dict[str, str]:
    """File name to SVG: what was answered, and what reached the model."""
    known = {entry["num_ctx"] for entry in outcome}
    found = {}
    for name, title, metric, theirs in (
        ("answers", "Answers with the expected text", "contains", "faithfulness"),
        ("arrived", "The expected text reached the model", "arrived/fact", "context_recall"),
    ):
        series = []
        for way in WAYS:
            points = [
                (str(entry["num_ctx"]), *bounds(entry[way]["metrics"][metric]))
                for entry in outcome
                if metric in entry[way]["metrics"]
            ]
            series.append(Series(f"ours, {way}", tuple(points)))
        points = [(str(w), v[theirs], 0.0, 0.0) for w, v in REFERENCE.items() if w in known]
        if points:
            said = theirs.replace("_", " ")
            series.append(Series(f"{said} (reference, theirs)", tuple(points), dashed=True))
        found[f"plots/{name}.svg"] = lines(f"{title}, by num_ctx", series)
    return found


def artefacts(outcome: Sequence[dict[str, Any]]) -> dict[str, str]:
    """File name to text, for MLflow."""
    drawn = plots(outcome)
    text = [pipes(beside_theirs(outcome)), "", _NOTE, "", pipes(table(outcome)), ""]
    parts = [html_table(beside_theirs(outcome)), f"<p>{_NOTE}</p>", *drawn.values()]
    parts.append(html_table(table(outcome)))
    return {
        "num_ctx.md": "\n".join(text),
        "num_ctx.html": page("What a small window costs", parts),
        **drawn,
    }
