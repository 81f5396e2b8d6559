"""How good are the answers? Every question of a dataset through ``ask``.

    python -m evals.answers [--manuals DIR] [--dataset FILE.jsonl] [--llm none|ollama] [--json OUT]

Without a language model the answers are quotations. Three shares are measured: answers that
contain the expected text, in what was written or in a safety notice shown above it; answers that
cite a right page; and questions without an answer in the manuals that are refused. A fourth
counts those that are refused or told with a word of doubt. Two more are stricter:
``contains_in_text`` leaves the notices out, ``right_page_told`` the further places that are only
named.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import sys
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evals.harness import GOLD, SAMPLES, build_library
from rag.answer.ask import ask
from rag.answer.clean import plain
from rag.models.llm import chat_model
from rag.types import Answer, Done, Failed, Role, Scope, User

SOMEBODY = User("evals", "evals", Role.TECHNICIAN)
# Nothing listens on the discard port, so this is a machine without Ollama.
NO_OLLAMA = "http://127.0.0.1:9"
SHARES = (
    "contains",
    "right_page",
    "refused_rightly",
    "refused_or_doubted",
    "contains_in_text",
    "right_page_told",
)


def main() -> int:
    arguments = _parser().parse_args()
    questions = read_dataset(arguments.dataset)
    settings = {} if arguments.llm == "ollama" else {"ollama_base_url": NO_OLLAMA}
    bench = build_library(arguments.manuals, **settings)
    try:
        bench.llm = chat_model(bench.settings)
        rows = asyncio.run(answer_all(questions, bench))
    finally:
        bench.close()
    report = summary(rows)
    if arguments.json:
        text = json.dumps(report, ensure_ascii=False, indent=1)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    _print(report, arguments.verbose)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure the answers.")
    parser.add_argument("--manuals", type=Path, default=SAMPLES, help="folder of PDFs")
    parser.add_argument("--dataset", type=Path, default=GOLD, help="questions, one JSON a line")
    parser.add_argument("--llm", choices=["none", "ollama"], default="none")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    parser.add_argument("--verbose", action="store_true", help="print what went wrong")
    return parser


def read_dataset(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


async def answer_all(questions: Sequence[dict[str, Any]], bench: Any) -> list[dict[str, Any]]:
    """One row a question, in their order; one after the other, as one person would ask."""
    return [await answer_one(question, bench) for question in questions]


async def answer_one(question: dict[str, Any], bench: Any) -> dict[str, Any]:
    """Ask about the machine that the dataset says was chosen, and judge what came."""
    chosen = question.get("machine")
    machines = tuple(name for name in bench.library.machines() if chosen and chosen in name)
    started = time.perf_counter()
    answer: Answer | None = None
    failure = ""
    async for event in ask(
        question["question"],
        user=SOMEBODY,
        scope=Scope(machines=machines),
        history=(),
        services=bench,
    ):
        if isinstance(event, Done):
            answer = event.answer
        elif isinstance(event, Failed):
            failure = event.key
    row = {
        "question": question["question"],
        "language": question["language"],
        "category": question.get("category", ""),
        "answerable": bool(question["manuals"]),
        "ms": round((time.perf_counter() - started) * 1000, 1),
        "failure": failure,
        "contains": None,
        "right_page": None,
        "refused_rightly": None,
        "refused_or_doubted": None,
        "contains_in_text": None,
        "right_page_told": None,
        "split": question.get("split", ""),
    }
    if answer is None:
        return row | judge(question, "", [], refused=False)
    cited = [place for citation in answer.citations for place in _places(citation, bench)]
    told = [
        place
        for citation in answer.citations
        if not citation.further
        for place in _places(citation, bench)
    ]
    refused = answer.mode == "refusal"
    shown = "\n".join([*(notice.text for notice in answer.notices), answer.text])
    row |= {"mode": answer.mode, "text": answer.text, "cited": cited}
    row["notices"] = len(answer.notices)
    strict = judge(question, answer.text, told, refused=refused)
    row |= {"contains_in_text": strict.get("contains"), "right_page_told": strict.get("right_page")}
    return row | judge(question, shown, cited, refused=refused, doubted=is_doubted(answer))


def is_doubted(answer: Answer) -> bool:
    """Whether the answer opens with a word of doubt."""
    return answer.provenance.get("verdict") == "weak"


def _places(citation: Any, bench: Any) -> list[tuple[str, int]]:
    """The (file, page) pairs that a citation leads to."""
    manual = bench.library.manual(citation.manual_id)
    name = manual.file_name if manual else ""
    pages = [*range(citation.page, citation.last_page + 1), *(page for page, _ in citation.also_on)]
    return [(name, page) for page in pages]


def judge(
    question: dict[str, Any],
    text: str,
    cited: Sequence[tuple[str, int]],
    *,
    refused: bool,
    doubted: bool = False,
) -> dict[str, Any]:
    """What of the three shares the answer counts for, ``None`` where it does not apply."""
    if not question["manuals"]:
        return {"refused_rightly": refused, "refused_or_doubted": refused or doubted}
    wanted = question.get("must_contain")
    manuals = {unicodedata.normalize("NFC", name) for name in question["manuals"]}
    right = any(
        unicodedata.normalize("NFC", name) in manuals and page in question["pages"]
        for name, page in cited
    )
    judged: dict[str, Any] = {"right_page": right and not refused}
    if wanted:
        judged["contains"] = comparable(wanted) in comparable(text)
    return judged


def comparable(text: str) -> str:
    """Letters and digits as they read: no Markdown, one blank, no case, no typographic variants."""
    shown = re.sub(r"\*\*|(?m:^> ?)|…", " ", plain(text))
    shown = unicodedata.normalize("NFKC", shown).casefold()
    shown = re.sub(r"[‐‑–—−]", "-", shown)
    return " ".join(re.sub(r"[„“”\"»«'’]", "", shown).split())


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The report in its stable form."""
    languages = sorted({row["language"] for row in rows})
    categories = sorted({row["category"] for row in rows if row["category"]})
    splits = sorted({row["split"] for row in rows if row.get("split")})
    return {
        "n": len(rows),
        **shares(rows),
        "by_language": {
            language: shares([row for row in rows if row["language"] == language])
            for language in languages
        },
        "by_category": {
            category: shares([row for row in rows if row["category"] == category])
            for category in categories
        },
        "by_split": {
            split: shares([row for row in rows if row["split"] == split]) for split in splits
        },
        "failures": sum(bool(row["failure"]) for row in rows),
        "latency_ms": _latency([row["ms"] for row in rows]),
        "questions": list(rows),
    }


def shares(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Share of the rows that each measure applies to; ``None`` where it applies to none."""

    def share(name: str, applies: Callable[[dict[str, Any]], bool]) -> float | None:
        judged = [row[name] for row in rows if applies(row)]
        return round(sum(judged) / len(judged), 4) if judged else None

    return {
        name: share(name, lambda row, name=name: row[name] is not None)  # type: ignore[misc]
        for name in SHARES
    }


def _latency(times: Sequence[float]) -> dict[str, float]:
    if not times:
        return {"p50": 0.0, "p95": 0.0}
    return {
        "p50": statistics.median(times),
        "p95": sorted(times)[min(len(times) - 1, int(0.95 * len(times)))],
    }


def _print(report: dict[str, Any], verbose: bool) -> None:
    print(f"{'':24} {'n':>4}" + "".join(f"{name:>20}" for name in SHARES))
    groups: dict[str, list[dict[str, Any]]] = {"all": list(report["questions"])}
    for field in ("language", "category", "split"):
        for row in report["questions"]:
            if row.get(field):
                groups.setdefault(row[field], []).append(row)
    for name, rows in groups.items():
        values = shares(rows).values()
        shown = "".join(f"{'–' if value is None else f'{value:.3f}':>20}" for value in values)
        print(f"{name:24} {len(rows):>4}{shown}")
    if verbose:
        for row in report["questions"]:
            wrong = [k for k in ("contains", "right_page", "refused_rightly") if row[k] is False]
            if wrong:
                print(f"\n{', '.join(wrong)}: {row['question']}")
                print(f"  {row.get('mode')} {row.get('cited')}")


if __name__ == "__main__":
    sys.exit(main())
