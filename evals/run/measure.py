"""One question through ``ask``: what came of it as a plain row, with its metrics."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evals import metrics
from evals.answers import SOMEBODY, is_doubted
from evals.harness import Bench
from evals.retrieval import Question, Result, scope_of
from evals.retrieval import judge as judge_retrieval
from rag.answer.ask import ask
from rag.answer.tokens import estimate_tokens, forget_learned
from rag.types import Answer, Chunk, Citation, Done, Failed, Hit, Replaced, Retrieval, Scope, Token

# Names of the stages as reported, and as they are measured.
_STAGES = {
    "bm25": "bm25",
    "dense": "dense",
    "fused": "fused",
    "rerank": "reranked",
    "dedup": "final",
}
Row = dict[str, Any]


@dataclass(slots=True)
class Heard:
    """The events of one question, with their times in ms since it was asked."""

    answer: Answer | None = None
    failure: str = ""
    first_token_ms: float | None = None
    ms: float = 0.0


async def measure(
    question: Row, bench: Bench, *, answer_id: str, machine_chosen: bool, learning: bool = False
) -> tuple[Row, Answer | None]:
    """Ask, and measure the answer. A failure of ``ask`` is a row, too.

    The estimate of tokens learns from answers, as it does in service, only when ``learning``:
    a row must not depend on those before it, or a resumed run would differ.
    """
    scope = Scope()
    asked = _as_question(question)
    if machine_chosen:
        scope = scope_of(asked, await asyncio.to_thread(bench.library.machines))
    if not learning:
        await asyncio.to_thread(forget_learned, bench.settings, bench.library)
    heard = await _listen(question["question"], scope, bench, answer_id)
    row = _about(question) | {
        "failure": heard.failure,
        "ms": round(heard.ms, 1),
        "first_token_ms": heard.first_token_ms,
        "metrics": {"failed": float(heard.answer is None)},
    }
    if heard.answer is None:
        return row, None
    return row | await asyncio.to_thread(
        _judged, question, asked, heard.answer, bench
    ), heard.answer


async def _listen(text: str, scope: Scope, bench: Bench, answer_id: str) -> Heard:
    heard = Heard()
    started = time.perf_counter()
    async for event in ask(
        text, user=SOMEBODY, scope=scope, history=(), services=bench, answer_id=answer_id
    ):
        if isinstance(event, Token | Replaced) and heard.first_token_ms is None:
            heard.first_token_ms = round((time.perf_counter() - started) * 1e3, 1)
        elif isinstance(event, Done):
            heard.answer = event.answer
        elif isinstance(event, Failed):
            heard.failure = event.key
    heard.ms = (time.perf_counter() - started) * 1e3
    return heard


def _about(question: Row) -> Row:
    """What the row says of the question itself."""
    kept = ("id", "dataset", "question", "language", "category", "difficulty", "split")
    return {name: question.get(name, "") for name in kept} | {
        "answerable": bool(question["manuals"]),
        "reference": question.get("answer", ""),
        "passage": question.get("passage", ""),
    }


def _judged(question: Row, asked: Question, answer: Answer, bench: Bench) -> Row:
    """The answer's part of the row. Reads the library: call it in a thread."""
    question = question | {"manuals": list(asked.manuals)}
    files = {m.id: unicodedata.normalize("NFC", m.file_name) for m in bench.library.manuals()}
    refused = answer.mode == "refusal"
    passages = _passages(answer, bench)
    cited = [place for one in answer.citations for place in _places(one, files)]
    shown = [notice.text for notice in answer.notices]
    measured = answer_metrics_of(question, asked, answer, cited, refused=refused)
    measured |= metrics.notice_metrics(question, shown)
    # Rows that ask for notices have no gold passage: they say nothing on finding and citing.
    if not question.get("notices"):
        measured |= metrics.retrieval_metrics(_retrieval(asked, answer, bench, files))
        if passages and not refused:
            places = [_pages_of(chunk, files) for chunk in passages]
            texts = [chunk.text for chunk in passages]
            measured |= metrics.context_metrics(question, texts, places)
        measured["semantic_similarity"] = None if refused else _similarity(question, answer, bench)
    texts = [" ".join(chunk.text.split()) + chunk.manual_id for chunk in passages]
    measured["repeated_passage"] = float(len(set(texts)) < len(texts)) if texts else None
    measured["quotes_on_page"] = _quotes(answer.citations, bench)
    values = [check.status != "missing" for check in answer.checks if check.kind != "citation"]
    measured["values_supported"] = metrics.mean([float(v) for v in values]) if values else None
    measured |= {"failed": 0.0, **_window(answer)}
    return {
        "answer_id": answer.id,
        "mode": answer.mode,
        "reason": answer.reason,
        "text": answer.text,
        "cited": sorted(set(cited)),
        "notices": shown,
        "contexts": [chunk.text for chunk in passages],
        "pages": [sorted(_pages_of(chunk, files)) for chunk in passages],
        "stage_ms": {stage.name: round(stage.ms, 2) for stage in answer.stages},
        "prompt_version": answer.provenance.get("prompt_version") or "",
        **_tokens(answer),
        "metrics": {name: value for name, value in measured.items() if value is not None},
    }


def answer_metrics_of(
    question: Row, asked: Question, answer: Answer, cited: Sequence[Any], *, refused: bool
) -> metrics.Metrics:
    """Facts and citations; for a row that asks for notices, only whether it was refused."""
    if question.get("notices"):
        return {}
    # A notice that is shown as a box is not quoted again: it is part of what the reader is told.
    told = "\n".join([*(notice.text for notice in answer.notices), answer.text])
    doubted = is_doubted(answer)
    return metrics.answer_metrics(question, told, cited, refused=refused, doubted=doubted)


def _retrieval(asked: Question, answer: Answer, bench: Bench, files: dict[str, str]) -> Result:
    """The stages' hits, from the ids that each stage reported."""
    last = {_STAGES[s.name]: s.chunk_ids for s in answer.stages if s.name in _STAGES}
    chunks = bench.library.chunks([chunk_id for ids in last.values() for chunk_id in ids])
    stages = {
        name: tuple(Hit(chunks[chunk_id]) for chunk_id in ids if chunk_id in chunks)
        for name, ids in last.items()
    }
    return judge_retrieval(asked, Retrieval((), stages, "found"), files, {}, {})


def _passages(answer: Answer, bench: Bench) -> list[Chunk]:
    ids = [passage["chunk_id"] for passage in answer.provenance["passages"]]
    chunks = bench.library.chunks(ids)
    return [chunks[chunk_id] for chunk_id in ids if chunk_id in chunks]


def _pages_of(chunk: Chunk, files: dict[str, str]) -> frozenset[metrics.Place]:
    pages = range(chunk.first_page, chunk.last_page + 1)
    return frozenset((files.get(chunk.manual_id, ""), page) for page in pages)


def _places(citation: Citation, files: dict[str, str]) -> list[metrics.Place]:
    pages = [*range(citation.page, citation.last_page + 1), *(page for page, _ in citation.also_on)]
    return [(files.get(citation.manual_id, ""), page) for page in pages]


def _quotes(citations: Sequence[Citation], bench: Bench) -> float | None:
    """The share of citations whose quotation stands on the pages that they name."""
    found = []
    for one in citations:
        pages = [
            bench.library.page(one.manual_id, index) for index in range(one.page, one.last_page + 1)
        ]
        words = " ".join(_page_text(page) for page in pages if page)
        found.append(metrics.quoted_on_page(one.quote, words))
    return metrics.mean(found) if found else None


def _page_text(page: Any) -> str:
    tables = [cell for table in page.tables for row in (table.header, *table.rows) for cell in row]
    return " ".join([page.text, *(table.title for table in page.tables), *tables])


def _similarity(question: Row, answer: Answer, bench: Bench) -> float | None:
    """Only where the embedding model covers the language: elsewhere it would be a random number."""
    reference = question.get("answer")
    embedder = bench.embedder
    if not reference or embedder is None or answer.language not in embedder.languages:
        return None
    one, other = embedder.embed_documents([answer.text, reference])
    return metrics.cosine(one, other)


def _tokens(answer: Answer) -> Row:
    generate = next((s.attributes for s in answer.stages if s.name == "generate"), {})
    return {
        "prompt_tokens": generate.get("prompt_tokens"),
        "answer_tokens": generate.get("answer_tokens", estimate_tokens(answer.text)),
    }


def _window(answer: Answer) -> metrics.Metrics:
    """What was left out of the prompt, and whether the server counted other tokens than planned."""
    generate = next((s.attributes for s in answer.stages if s.name == "generate"), None)
    if generate is None:
        return {}
    cut = bool(generate.get("passages_dropped") or generate.get("passages_shortened"))
    overrun = bool(generate.get("prompt_tokens_mismatch"))
    return {"passages_cut": float(cut), "prompt_mismatch": float(overrun)}


def _as_question(row: Row) -> Question:
    names = tuple(unicodedata.normalize("NFC", name) for name in row["manuals"])
    return Question(
        row["question"],
        row["language"],
        names,
        frozenset(row["pages"]),
        row.get("must_contain") or None,
        row.get("category") or "",
        row.get("machine") or "",
        row.get("split") or "",
    )
