"""What an experiment is read in: a table for the terminal, Markdown, HTML with plots."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from evals.plots import Series, bars, lines

# The reference system's own figures (p95 in seconds); not measured by us.
REFERENCE = {
    512: {"faithfulness": 0.583, "context_recall": 0.554, "p95_s": 1.9},
    2048: {"faithfulness": 0.724, "context_recall": 0.712, "p95_s": 3.2},
    4096: {"faithfulness": 0.731, "context_recall": 0.718, "p95_s": 5.9},
}
JUDGED = (
    "faithfulness",
    "answer_relevancy",
    "context_precision",
    "context_recall",
    "factual_correctness",
    "noise_sensitivity",
)
MAIN = (
    *("hit@1", "hit@3", "hit@6", "mrr", "ndcg@10"),
    *("context_precision_id", "context_recall_id", "context_precision_text", "context_recall_text"),
    *("contains", "values", "values_supported", "semantic_similarity", "right_page"),
    *("citation_precision", "citation_recall", "quotes_on_page", "notices_shown"),
    *(
        "refused_rightly",
        "refused_or_doubted",
        "false_refusal",
        "passages_cut",
        "prompt_mismatch",
        "failed",
        *JUDGED,
    ),
)
_STAGES = ("bm25", "dense", "fused", "reranked")
Outcome = dict[str, Any]


def table(outcome: Outcome) -> list[list[str]]:
    """Header and lines: a line per measure, a column per setting, means with 95 % intervals."""
    settings = outcome["settings"]
    found = [["", *(one["name"] for one in settings)]]
    for name in MAIN:
        if any(name in one["metrics"] for one in settings):
            found.append([name, *(_cell(one, name) for one in settings)])
    times = [("answer p50", "total", "p50"), ("answer p95", "total", "p95")]
    times.append(("first token p95", "first_token", "p95"))
    for title, which, quantile in times:
        ms = [one["latency_ms"].get(which, {}).get(quantile) for one in settings]
        found.append([title, *("–" if one is None else f"{one:.0f} ms" for one in ms)])
    for name in ("prompt_tokens", "answer_tokens"):
        if any(name in one["tokens"] for one in settings):
            found.append([name, *(str(one["tokens"].get(name, "–")) for one in settings)])
    return found


def _cell(setting: dict[str, Any], name: str) -> str:
    value = setting["metrics"].get(name)
    failed = setting["failed_judgements"].get(name, 0)
    if value is None:
        return f"– ({failed} failed)" if failed else "–"
    text = f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}] n={value['n']:.0f}"
    return f"{text}, {failed} failed" if failed else text


def terminal(outcome: Outcome) -> str:
    """The table in columns, and where to find the rest."""
    lines_of = aligned(table(outcome))
    after = [f"{outcome['n']} questions, {outcome['seconds']:.0f} s"]
    if outcome["run_id"]:
        after.append(f"MLflow run {outcome['run_id']}; look at it with: make mlflow")
    return "\n".join([*lines_of, "", *after])


def markdown(outcome: Outcome) -> str:
    """A table for a README, with the reference's figures beside ours when windows are compared."""
    params = outcome["params"]
    text = [
        f"{outcome['n']} questions, commit `{params['git_commit'][:12]}`, "
        f"judge: {params['judge']}; mean [95 % interval] n.",
        "",
        pipes(table(outcome)),
    ]
    if len({one["num_ctx"] for one in outcome["settings"]}) > 1:
        text += [
            "",
            "The reference system's figures for its windows (theirs, not measured here):",
            "",
        ]
        text.append(pipes(reference_table()))
    return "\n".join(text) + "\n"


def reference_table() -> list[list[str]]:
    head = ["num_ctx (theirs)", "faithfulness", "context recall", "p95"]
    return [head] + [
        [str(ctx), f"{v['faithfulness']:.3f}", f"{v['context_recall']:.3f}", f"{v['p95_s']} s"]
        for ctx, v in REFERENCE.items()
    ]


def html(outcome: Outcome) -> str:
    """One file without outside parts: table, plots, the questions that went wrong."""
    params = "".join(
        f"<tr><th>{escape(str(name))}</th><td>{escape(str(value))}</td></tr>"
        for name, value in outcome["params"].items()
    )
    parts = [
        html_table(table(outcome)),
        *plots(outcome),
        "<h2>Reference system's figures (theirs)</h2>",
        html_table(reference_table()),
        "<h2>Questions that went wrong</h2>",
        html_table(wrong_rows(outcome["rows"])),
        f"<h2>Parameters</h2><table>{params}</table>",
    ]
    return page("Evaluation", parts)


def wrong_rows(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """What somebody who wants to improve things looks at first."""
    found = [["question", "setting", "what", "mode", "cited"]]
    for row in rows:
        measured = row["metrics"]
        right = ("contains", "right_page", "refused_rightly", "notices_shown", "quotes_on_page")
        wrong = [name for name in right if measured.get(name) is not None and measured[name] < 1]
        wrong += ["failed"] if row["failure"] else []
        if wrong:
            cited = ", ".join(f"{name} p. {page}" for name, page in row.get("cited", []))
            what = ", ".join(wrong)
            mode = row.get("mode", row["failure"])
            found.append([row["question"], row["setting"], what, mode, cited])
    return found


def plots(outcome: Outcome) -> list[str]:
    settings = outcome["settings"]
    found = []
    windows = {one["num_ctx"] for one in settings if one["model"]}
    if len(windows) > 1:
        found += window_plots(settings)
    shown = [name for name in ("hit@3", "contains", "right_page", "refused_rightly", "faithfulness")
             if any(name in one["metrics"] for one in settings)]  # fmt: skip
    found.append(bars("Quality", [_series(one["name"], one["metrics"], shown) for one in settings]))
    first = settings[0]
    for field in ("by_category", "by_language", "by_difficulty"):
        groups = first[field]
        by_metric = [
            Series(name, tuple((g, *bounds(m[name])) for g, m in groups.items() if name in m))
            for name in ("hit@3", "contains", "right_page")
        ]
        found.append(bars(f"{first['name']}, {field.replace('_', ' ')}", by_metric))
    stages = [(stage, first["metrics"].get(f"{stage}/hit@3")) for stage in _STAGES]
    stages.append(("final", first["metrics"].get("hit@3")))
    points = tuple((stage, *bounds(value)) for stage, value in stages if value)
    found.append(bars("hit@3 after each stage", [Series(first["name"], points)]))
    times = {name: ms for name, ms in first["latency_ms"].items() if name != "total"}
    top = max((ms["p95"] for ms in times.values()), default=1.0)
    quantiles = [
        Series(which, tuple((name, ms[which], 0, 0) for name, ms in times.items()))
        for which in ("p50", "p95")
    ]
    found.append(bars("Latency per stage, ms", quantiles, top=top))
    return found


def window_plots(settings: Sequence[dict[str, Any]]) -> list[str]:
    """Quality and latency against num_ctx, beside the reference's."""
    chosen = [one for one in settings if one["model"] and not one["off"]]
    quality = []
    for name in ("contains", "right_page", "context_recall_id", "faithfulness"):
        points = [(str(s["num_ctx"]), *bounds(s["metrics"][name])) for s in chosen
                  if name in s["metrics"]]  # fmt: skip
        if points:
            quality.append(Series(name, tuple(points)))
    theirs = tuple((str(ctx), v["faithfulness"], 0.0, 0.0) for ctx, v in REFERENCE.items())
    quality.append(Series("faithfulness (reference, theirs)", theirs, dashed=True))
    ours = tuple(
        (str(s["num_ctx"]), s["latency_ms"]["total"]["p95"] / 1e3, 0.0, 0.0) for s in chosen
    )
    seconds = tuple((str(ctx), v["p95_s"], 0.0, 0.0) for ctx, v in REFERENCE.items())
    top = max(value for _, value, _, _ in (*ours, *seconds))
    latency = [Series("p95", ours), Series("p95 (reference, theirs)", seconds, dashed=True)]
    return [
        lines("Quality against num_ctx", quality),
        lines("Latency against num_ctx, s", latency, top=top),
    ]


def artefacts(outcome: Outcome) -> dict[str, str]:
    """File name to text, for MLflow."""
    found = {"report.md": markdown(outcome), "report.html": html(outcome)}
    for number, plot in enumerate(plots(outcome), 1):
        found[f"plots/{number}.svg"] = plot
    return found


# --- two runs ------------------------------------------------------------------------------------


def comparison_table(metrics: dict[str, dict[str, Any]]) -> list[list[str]]:
    found = [["", "B - A", "95 % interval", "n", "verdict"]]
    for name, one in metrics.items():
        low, high = f"{one['low']:+.3f}", f"{one['high']:+.3f}"
        line = [name, f"{one['mean']:+.3f}", f"{low} to {high}", str(one["n"]), one["verdict"]]
        found.append(line)
    return found


def comparison(pairs: Sequence[dict[str, Any]]) -> str:
    """Every metric that both runs have; most of a good change is "no difference"."""
    text = []
    for pair in pairs:
        text += [f"A: {pair['before']}   B: {pair['after']}"]
        text += [*aligned(comparison_table(pair["metrics"])), ""]
    return "\n".join(text)


def comparison_html(pairs: Sequence[dict[str, Any]]) -> str:
    parts = []
    for pair in pairs:
        parts.append(f"<h2>A: {escape(pair['before'])} → B: {escape(pair['after'])}</h2>")
        parts.append(html_table(comparison_table(pair["metrics"])))
        shown = [name for name in MAIN if name in pair["metrics"]]
        for first in range(0, len(shown), 6):
            some = shown[first : first + 6]
            both = [_series(when, pair["means"][when], some) for when in ("before", "after")]
            parts.append(bars("Before and after", both))
    return page("Comparison", parts)


# --- forms ---------------------------------------------------------------------------------------


def page(title: str, parts: Sequence[str]) -> str:
    style = (
        "body{font:14px sans-serif;max-width:1200px;margin:2em auto;padding:0 1em}"
        "table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:3px 8px;"
        "text-align:left}svg{max-width:100%;margin:.5em}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{style}</style><h1>{title}</h1>{''.join(parts)}</html>"
    )


def _series(name: str, metrics: dict[str, Any], shown: Sequence[str]) -> Series:
    return Series(name, tuple((one, *bounds(metrics[one])) for one in shown if one in metrics))


def bounds(value: dict[str, float]) -> tuple[float, float, float]:
    return value["mean"], value["low"], value["high"]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def pipes(rows: Sequence[Sequence[str]]) -> str:
    body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([body[0], "|" + "---|" * len(rows[0]), *body[1:]])


def html_table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[1:]
    )
    return f"<table><tr>{head}</tr>{body}</table>"
