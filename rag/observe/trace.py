"""The trace of one answer as plain data: JSON for the ledger, spans for MLflow."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field, fields
from typing import Any

from rag.types import Answer, Stage

# MLflow's span types, by which its UI draws a stage.
_KINDS = {
    "hyde": "LLM",
    "generation": "LLM",
    "dense": "RETRIEVER",
    "bm25": "RETRIEVER",
    "exact": "RETRIEVER",
    "fusion": "RETRIEVER",
    "rerank": "RERANKER",
    "dedup": "RERANKER",
}
# The stages whose spans go by the name that the field uses.
_NAMES = {"fused": "fusion", "generate": "generation"}
_PREVIEW = 1000  # characters of question and answer in MLflow's list of traces
_EPOCH_NS = 10**18  # September 2001: a time before it was not counted from 1970


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """One stage; times in ns since 1970. ``id`` is 64 bits, ``parent`` 0 for the root."""

    id: int
    parent: int
    name: str
    kind: str
    started_ns: int
    ended_ns: int
    inputs: Any = None
    outputs: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """One answer. ``id`` is 128 bits and follows from the answer's id: written twice, it is one."""

    id: int
    answer_id: str
    question: str
    text: str
    pseudonym: str
    thread_id: str
    tags: dict[str, str]
    spans: tuple[TraceSpan, ...]

    @property
    def name(self) -> str:
        """The id as MLflow writes it."""
        return trace_name(self.answer_id)

    def to_json(self) -> str:
        # Field by field: `asdict` copies everything in depth, which takes 3 ms.
        return json.dumps(self, default=_fields, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Trace:
        values = json.loads(text)
        spans = tuple(TraceSpan(**span) for span in values.pop("spans"))
        return cls(**values, spans=spans)


def trace_name(answer_id: str) -> str:
    """MLflow's id of an answer's trace: ``tr-`` and 32 hex digits."""
    return f"tr-{_number(16, answer_id):032x}"


def trace_of(answer: Answer, *, pseudonym: str, thread_id: str = "") -> Trace:
    """The answer as a trace: a root span with question and answer, a child for each stage."""
    stages = [(stage, *_times(stage)) for stage in answer.stages]
    root = TraceSpan(
        id=_number(8, answer.id, "root"),
        parent=0,
        name="answer",
        kind="CHAIN",
        started_ns=min((started for _, started, _ in stages), default=time.time_ns()),
        ended_ns=max((ended for _, _, ended in stages), default=time.time_ns()),
        inputs={"question": answer.question, "understood_as": answer.understood_as},
        outputs=_outputs(answer),
        attributes={"mode": answer.mode, "reason": answer.reason, **_plain(answer.provenance)},
    )
    children = tuple(
        TraceSpan(
            id=_number(8, answer.id, str(number), stage.name),
            parent=root.id,
            name=_span_name(stage),
            kind=_KINDS.get(_span_name(stage), "CHAIN"),
            started_ns=started,
            ended_ns=ended,
            inputs={"question": answer.understood_as or answer.question},
            outputs=[{"id": chunk, "rank": i} for i, chunk in enumerate(stage.chunk_ids, 1)],
            attributes=_plain(stage.attributes),
        )
        for number, (stage, started, ended) in enumerate(stages)
    )
    return Trace(
        id=_number(16, answer.id),
        answer_id=answer.id,
        question=answer.question[:_PREVIEW],
        text=answer.text[:_PREVIEW],
        pseudonym=pseudonym,
        thread_id=thread_id,
        tags=_tags(answer, pseudonym, thread_id),
        spans=(root, *children),
    )


def _outputs(answer: Answer) -> dict[str, Any]:
    return {
        "answer": answer.text,
        "citations": [
            {"n": c.n, "chunk": c.chunk_id, "manual": c.title, "page": c.page, "label": c.label}
            for c in answer.citations
        ],
        "notices": [notice.chunk_id for notice in answer.notices],
        "checks": [{"text": c.text, "kind": c.kind, "status": c.status} for c in answer.checks],
    }


def _tags(answer: Answer, pseudonym: str, thread_id: str) -> dict[str, str]:
    """What QA filters by. No name of a person: the pseudonym stands for whoever asked."""
    given = answer.provenance
    model = given.get("model") or ""
    scope = given.get("scope") or {}
    machines = {citation.machine for citation in answer.citations if citation.machine}
    machines = machines or set(scope.get("machines", ()))
    tags = {
        "answer_id": answer.id,
        "user": pseudonym,
        "thread": thread_id,
        "mode": answer.mode,
        "language": answer.language,
        "machine": ", ".join(sorted(machines)),
        "model": model.get("name") if isinstance(model, dict) else model,
        "prompt_version": given.get("prompt_version"),
    }
    return {key: str(value)[:250] for key, value in tags.items() if value}


def _fields(one: Any) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}


def _span_name(stage: Stage) -> str:
    return _NAMES.get(stage.name, stage.name)


def _times(stage: Stage) -> tuple[int, int]:
    """Start and end since 1970; stages timed by the monotonic clock are moved there."""
    if stage.started_ns >= _EPOCH_NS:
        return stage.started_ns, stage.ended_ns
    offset = time.time_ns() - time.perf_counter_ns()
    return stage.started_ns + offset, stage.ended_ns + offset


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Values that JSON can carry; anything else by its text."""
    plain: dict[str, Any] = json.loads(json.dumps(values, default=str, ensure_ascii=False))
    return plain


def _number(length: int, *parts: str) -> int:
    """A number of ``length`` bytes, never 0 (OpenTelemetry forbids it), the same every time."""
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return int.from_bytes(digest[:length]) or 1
