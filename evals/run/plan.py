"""Which settings an experiment compares, and what identifies a row of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from evals.harness import Bench, pdfs
from rag.answer.prompt import load_prompt
from rag.models.llm import LanguageModelState, chat_model
from rag.models.tokenizer import find_tokenizer
from rag.retrieve.keywords import KeywordIndex

PROJECT = Path(__file__).parent.parent.parent
# Parts of retrieval that can be left out. Without "dedup" only exact repetitions are merged.
STAGES = ("dense", "reranker", "hyde", "glossary", "dedup")


@dataclass(frozen=True, slots=True)
class Setting:
    """One column of the comparison. ``model`` is empty when answers are quotations."""

    model: str
    num_ctx: int
    off: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Short, and different for each setting of a run."""
        parts = [self.model or "quotation", *([f"num_ctx {self.num_ctx}"] if self.model else [])]
        return ", ".join([*parts, *(f"without {stage}" for stage in self.off)])

    def applied(self, bench: Bench) -> Bench:
        """The same library, asked with this setting."""
        update: dict[str, Any] = {"num_ctx": self.num_ctx}
        if self.model:
            update["ollama_model"] = self.model
        if "hyde" in self.off:
            update["hyde"] = "never"
        if "dedup" in self.off:
            update["dedup_jaccard"] = 1.0
        settings = bench.settings.model_copy(update=update)
        chosen = replace(bench, settings=settings, llm=chat_model(settings))
        if "dense" in self.off:
            chosen = replace(chosen, embedder=None, vectors=None)
        if "reranker" in self.off:
            chosen = replace(chosen, reranker=None)
        if "glossary" in self.off:
            keywords = KeywordIndex(
                bench.library, settings=settings, glossary=None, vectors=bench.vectors
            )
            chosen = replace(chosen, keywords=keywords)
        return chosen


def grid(
    models: Sequence[str], windows: Sequence[int], off: Sequence[str], *, ablate: bool
) -> list[Setting]:
    """Every model with every window; ``ablate`` adds each stage left out in turn.

    Without a model the window changes nothing, so only the first one is taken.
    """
    always = tuple(stage for stage in STAGES if stage in off)
    settings = []
    for model in models or [""]:
        for num_ctx in windows if model else windows[:1]:
            settings.append(Setting(model, num_ctx, always))
            if ablate:
                left = [stage for stage in STAGES if stage not in always]
                settings += [Setting(model, num_ctx, (*always, stage)) for stage in left]
    return settings


@dataclass(frozen=True, slots=True)
class Plan:
    """An experiment. ``world`` is everything besides the settings that decides the outcome."""

    settings: tuple[Setting, ...]
    questions: tuple[dict[str, Any], ...]
    repeats: int
    world: dict[str, Any]

    @property
    def key(self) -> str:
        """The same for the same experiment: what a killed run is found again by."""
        rows = (self.row_key(*row) for row in self.rows())
        return digest(list(rows))

    def rows(self) -> Iterable[tuple[Setting, dict[str, Any], int]]:
        return product(self.settings, self.questions, range(self.repeats))

    def row_key(self, setting: Setting, question: dict[str, Any], repeat: int) -> str:
        return digest([asdict(setting), question, repeat, self.world])


def digest(value: Any) -> str:
    """16 hex digits of anything that JSON can carry."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_datasets(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The rows of JSONL files, each with an ``id``. Raises ``ValueError`` naming a wrong line."""
    rows: list[dict[str, Any]] = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                needed = {"question": row["question"], "manuals": row["manuals"]}
                needed["pages"] = [int(page) for page in row["pages"]]
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path.name}, line {number}: {error!r}") from error
            rows.append(
                {"language": "", "id": f"{path.stem}-{number}", "dataset": path.stem, **row}
                | needed
            )
    return rows


def thinned(rows: Sequence[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """At most ``limit`` rows, spread evenly over the dataset so that every category stays."""
    if not limit or limit >= len(rows):
        return list(rows)
    return [rows[place * len(rows) // limit] for place in range(limit)]


def world_of(
    manuals: Path, bench: Bench, models: Sequence[LanguageModelState], extra: dict[str, Any]
) -> dict[str, Any]:
    """What the answers depend on besides setting and question; also MLflow's parameters."""
    prompts = {
        language: load_prompt("answer", language).version
        for language in ("de", "en")  # type: ignore[arg-type]
    }
    settings = bench.settings
    return {
        "code": code_hash(),
        "manuals": files_hash(pdfs(manuals)),
        "embedder": bench.embedder.fingerprint if bench.embedder else "none",
        "reranker": bench.reranker.name if bench.reranker else "none",
        "model_digests": {state.model: state.digest for state in models},
        "token_counts": {state.model: _tokenizer_of(bench, state.model) for state in models},
        "prompt_versions": prompts,
        "answer_tokens": settings.answer_tokens,
        "temperature": settings.temperature,
        "hyde": settings.hyde,
        "passages": settings.passages,
        "rrf_k": settings.rrf_k,
        "keyword_depth": settings.keyword_depth,
        "dense_depth": settings.dense_depth,
        "rerank_depth": settings.rerank_depth,
        "dedup_jaccard": settings.dedup_jaccard,
        **extra,
    }


def _tokenizer_of(bench: Bench, model: str) -> str:
    """How prompts are measured: by which tokenizer file, or by the estimate."""
    path = find_tokenizer(bench.settings.model_copy(update={"ollama_model": model}))
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path else "estimate"


def code_hash() -> str:
    """Changes with anything that finds, writes or measures, committed or not."""
    files = [*(PROJECT / "rag").rglob("*"), *(PROJECT / "evals").glob("*.py")]
    files += (PROJECT / "evals" / "run").glob("*.py")
    hasher = hashlib.sha256()
    for path in sorted(files):
        if path.suffix in {".py", ".txt", ".csv", ".toml"}:
            hasher.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes())
    return hasher.hexdigest()[:16]


def files_hash(paths: Sequence[Path]) -> str:
    """Changes with the names and contents of files."""
    return digest([(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths])


def git_commit() -> str:
    """The checked-out commit, "+changes" when files differ from it; "unknown" without git."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "rag", "evals")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+changes" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
