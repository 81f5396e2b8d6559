"""``python -m evals.num_ctx``: what a context window that is too small costs, fitted or not.

The stand-in Ollama keeps to a window as the real server does: what does not fit is cut without a
word, the head first, where the rules and the notices stand. Its "model" reads what is left: from
each passage it copies the lines that share most with the question. Two things are assumed of it:
it copies because the rules say so (without them it talks vaguely; ``--literal``: it copies all the
same), and it needs no more than it is shown. Ours is the prompt fitted to the window, with its way
out when nothing fits (a quotation); the other is the same prompt sent whole, as the reference
system did. What is measured is the loss by cutting; nothing is said about a real model.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.harness import GOLD, SAMPLES, Bench, build_library
from evals.plots import Series, lines
from evals.report import REFERENCE, pipes, reference_table
from evals.run.execute import Progress, run_rows
from evals.run.journal import Journal
from evals.run.plan import Plan, Setting, read_datasets, thinned
from evals.run.results import compare, estimates
from rag.answer.tokens import forget_learned
from rag.retrieve.words import STOP_WORDS
from tests.stand_in.http import Connection
from tests.stand_in.ollama import OllamaStandIn, Request, Script

WINDOWS = (512, 1024, 2048, 4096)
# A window that every prompt fits: nothing is cut on our side.
_ENDLESS = 32768
_LINES = 2
_VAGUE = "That depends on the machine; follow the usual procedure."
_MEASURES = ("contains", "values", "right_page", "citation_recall")
_NUMBERED = re.compile(r"^\[(\d+)\]")
_WORD = re.compile(r"[^\W_]{3,}|\d+")
_QUESTION = re.compile(r"^(?:Frage|Question): ", re.MULTILINE)
Row = dict[str, Any]


class SmallWindow(OllamaStandIn):
    """A server that never gives more than ``window`` tokens, whatever the client asks for."""

    def __init__(self, window: int, *, literal: bool = False) -> None:
        super().__init__(models=["reader"], answer=read_aloud if literal else read_by_rules)
        self.window = window

    async def _chat(self, connection: Connection, fields: dict[str, Any]) -> None:
        options = fields.get("options") or {}
        asked = int(options.get("num_ctx") or self.window)
        options = {**options, "num_ctx": min(asked, self.window)}
        await super()._chat(connection, {**fields, "options": options})


def read_by_rules(request: Request) -> Script:
    """Copies as the rules say, as long as it sees them."""
    return read_aloud(request) if rules_seen(request) else _VAGUE


def rules_seen(request: Request) -> bool:
    """Whether the system prompt reached the model whole."""
    sent = [message["content"] for message in request.messages if message["role"] == "system"]
    return all(text in [message["content"] for message in request.seen] for text in sent)


def read_aloud(request: Request) -> Script:
    """From each passage it sees, the lines that share most with the question it sees, cited."""
    parts = _QUESTION.split(request.prompt)
    wanted = _stems(parts[-1]) if len(parts) > 1 else set()
    passages: dict[str, list[str]] = {}
    number = ""  # a passage whose head was cut off has lost its number
    for line in parts[0].splitlines():
        marked = _NUMBERED.match(line)
        number = marked[1] if marked else number
        if not marked and line.strip() and not line.startswith(("-", "<")):
            passages.setdefault(number, []).append(line.strip())
    # A word that stands in few lines says more about what is meant.
    common = Counter(stem for text in passages.values() for line in text for stem in _stems(line))
    told = []
    for number, text in passages.items():
        shared = [sum(1 / common[stem] for stem in wanted & _stems(line)) for line in text]
        best = sorted(range(len(text)), key=lambda place: -shared[place])[:_LINES]
        # With the line behind it: sentences are wrapped.
        chosen = {place + step for place in best if shared[place] for step in (0, 1)}
        lines_told = [text[place] for place in sorted(chosen) if place < len(text)]
        if lines_told:
            told.append("\n".join(lines_told) + (f" [{number}]" if number else ""))
    return "\n".join(told) or _VAGUE


def _stems(text: str) -> set[str]:
    words = {word.casefold() for word in _WORD.findall(text)}
    return {word[:5] for word in words - STOP_WORDS["de"] - STOP_WORDS["en"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; prints a table, and writes table, plot and rows where asked."""
    parser = argparse.ArgumentParser(prog="python -m evals.num_ctx", description=__doc__)
    parser.add_argument("--manuals", type=Path, default=SAMPLES, help="folder of PDFs")
    parser.add_argument("--dataset", type=Path, nargs="+", default=[GOLD])
    parser.add_argument("--limit", type=int, default=0, help="so many questions, spread evenly")
    parser.add_argument("--num-ctx", type=int, nargs="+", default=list(WINDOWS))
    parser.add_argument("--passages", type=int, default=3, help="passages put into the prompt")
    parser.add_argument("--literal", action="store_true", help="a model that needs no rules")
    parser.add_argument("--json", type=Path, help="write everything here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    parser.add_argument("--svg", type=Path, help="write the plot here")
    options = parser.parse_args(arguments)
    # That the server counts other tokens than were planned is what is shown here.
    logging.getLogger("rag.answer.tokens").setLevel(logging.ERROR)
    rows = [row for row in read_datasets(options.dataset) if row["manuals"]]
    outcome = experiment(
        options.manuals,
        thinned(rows, options.limit),
        options.num_ctx,
        passages=options.passages,
        literal=options.literal,
    )
    text = markdown(outcome)
    print(text)
    for path, told in (
        (options.json, json.dumps(outcome, ensure_ascii=False, indent=1)),
        (options.markdown, text),
        (options.svg, plot(outcome)),
    ):
        if path:
            path.write_text(told, encoding="utf-8")
    return 0


def experiment(
    manuals: Path,
    questions: Sequence[Row],
    windows: Sequence[int],
    *,
    passages: int = 3,
    literal: bool = False,
) -> list[dict[str, Any]]:
    """An entry per window: both ways measured, and their difference question by question."""
    bench = build_library(manuals, passages=passages)
    try:
        return [_window(bench, list(questions), one, literal) for one in sorted(windows)]
    finally:
        bench.close()


def _window(bench: Bench, questions: list[Row], window: int, literal: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"num_ctx": window}
    rows = {}
    for way, num_ctx in (("fitted", window), ("unfitted", _ENDLESS)):
        with SmallWindow(window, literal=literal) as server:
            # Without dense search and HyDE: the same passages every time, and quickly.
            setting = Setting("reader", num_ctx, ("dense", "reranker", "hyde"))
            rows[way] = asyncio.run(_rows(bench, questions, setting, server.url))
            cut = sum(request.truncated for request in server.history)
            ruled = sum(rules_seen(request) for request in server.history)
        found[way] = {
            "metrics": estimates(rows[way]),
            "cut_by_server": cut,
            "rules_seen": ruled,
            "asked": len(server.history),
            "modes": {mode: sum(r.get("mode") == mode for r in rows[way]) for mode in
                      ("llm", "quote", "completed_by_quote", "refusal")},
        }  # fmt: skip
    found["fitted_minus_unfitted"] = compare(rows["unfitted"], rows["fitted"])
    return found


async def _rows(bench: Bench, questions: list[Row], setting: Setting, url: str) -> list[Row]:
    bench.settings = bench.settings.model_copy(update={"ollama_base_url": url})
    forget_learned(bench.settings, bench.library)
    plan = Plan((setting,), tuple(questions), 1, {"scope": "dataset", "learning": True})
    found = await run_rows(
        plan,
        bench,
        Journal(None),
        run_id=url,
        parallel=1,
        on_answer=lambda setting, row, answer: None,
        progress=Progress(len(questions)),
    )
    return found[setting]


def table(outcome: Sequence[dict[str, Any]]) -> list[list[str]]:
    head = ["num_ctx", "prompt", *_MEASURES, "cut by the server", "rules seen"]
    found = [head]
    for entry in outcome:
        for way in ("fitted", "unfitted"):
            one = entry[way]
            cells = [_cell(one["metrics"].get(name)) for name in _MEASURES]
            cut = f"{one['cut_by_server']} of {one['asked']}"
            ruled = f"{one['rules_seen']} of {one['asked']}"
            found.append([str(entry["num_ctx"]), way, *cells, cut, ruled])
        difference = entry["fitted_minus_unfitted"]
        cells = [_difference(difference.get(name)) for name in _MEASURES]
        found.append(["", "difference", *cells, "", ""])
    return found


def _cell(value: dict[str, float] | None) -> str:
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]" if value else "–"


def _difference(value: dict[str, Any] | None) -> str:
    if value is None:
        return "–"
    bounds = f"[{value['low']:+.3f}, {value['high']:+.3f}]"
    return f"{value['mean']:+.3f} {bounds} {value['verdict']}"


def markdown(outcome: Sequence[dict[str, Any]]) -> str:
    """Ours, measured with the stand-in; and the reference's own figures, marked as theirs."""
    theirs = "The reference system's figures (theirs; a real model, other questions):"
    return "\n".join([pipes(table(outcome)), "", theirs, "", pipes(reference_table()), ""])


def plot(outcome: Sequence[dict[str, Any]]) -> str:
    """The share of answers with the expected text against the window."""
    series = []
    for way in ("fitted", "unfitted"):
        points = []
        for entry in outcome:
            value = entry[way]["metrics"]["contains"]
            points.append((str(entry["num_ctx"]), value["mean"], value["low"], value["high"]))
        series.append(Series(f"contains, {way}", tuple(points)))
    known = {str(entry["num_ctx"]) for entry in outcome}
    theirs = tuple(
        (str(ctx), value["faithfulness"], 0.0, 0.0)
        for ctx, value in REFERENCE.items()
        if str(ctx) in known
    )
    if theirs:
        series.append(Series("faithfulness (reference, theirs)", theirs, dashed=True))
    return lines("Answers with the expected text, by context window", series)


if __name__ == "__main__":
    sys.exit(main())
