"""What is known so far about one question, and the answer that becomes of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.answer.follow_up import Understanding
from rag.answer.passages import Passage
from rag.answer.provenance import provenance
from rag.answer.relevance import Relevance
from rag.models.llm import LanguageModelState
from rag.retrieve.search import INDEX_AWAY
from rag.services import Services
from rag.types import (
    Answer,
    AnswerMode,
    Check,
    Citation,
    Hit,
    Language,
    Notice,
    Retrieval,
    Stage,
    Status,
    Token,
    Turn,
)


@dataclass(slots=True)
class Story:
    """What is known so far about one question."""

    asked: str
    language: Language
    services: Services
    history: Sequence[Turn]
    understanding: Understanding
    id: str
    user: str = ""
    relevance: Relevance = field(init=False)
    stages: list[Stage] = field(default_factory=list)
    model: LanguageModelState | None = None
    retrieval: Retrieval = field(default_factory=lambda: Retrieval((), {}, "absent"))
    prompt_version: str | None = None
    passages: tuple[Passage, ...] = ()
    citations: tuple[Citation, ...] = ()
    notices: tuple[Notice, ...] = ()
    checks: tuple[Check, ...] = ()
    perhaps: tuple[Citation, ...] = ()
    text: str = ""
    mode: AnswerMode = "quote"
    reason: str = ""

    @property
    def question(self) -> str:
        return self.understanding.question

    @property
    def degraded(self) -> bool:
        """Whether a part of the search was away, so that a later answer may be better."""
        return INDEX_AWAY in self.retrieval.notes

    @property
    def hits(self) -> tuple[Hit, ...]:
        return tuple(passage.hit for passage in self.passages)

    @property
    def told(self) -> tuple[Hit, ...]:
        """The passages of the best one's machine: a model is never shown two machines."""
        machine = self.passages[0].hit.chunk.machine
        return tuple(
            passage.hit
            for passage in self.passages
            if passage.hit.chunk.machine == machine and not passage.further
        )

    def stage(self, name: str, started_ns: int, key: str, **attributes: Any) -> Status:
        """Note a stage that just ended, and tell of it."""
        ids = tuple(hit.chunk.id for hit in self.hits)
        stage = Stage(name, started_ns, time.time_ns(), ids, attributes)
        self.stages.append(stage)
        return Status(key, stage)

    def say(self, text: str) -> Token:
        self.text += text
        return Token(text)

    async def finished(self) -> Answer:
        """The finished answer with everything it rests on."""
        kept = await provenance(
            asked=self.asked,
            understood_as=self.question,
            understood_by=self.understanding.by,
            scope=self.understanding.scope,
            language=self.language,
            retrieval=self.retrieval,
            passages=self.passages,
            services=self.services,
            model=self.model if self.mode in ("llm", "completed_by_quote") else None,
            prompt_version=self.prompt_version,
            checks=self.checks,
            stages=self.stages,
        )
        return Answer(
            id=self.id,
            question=self.asked,
            understood_as=self.question,
            text=self.text,
            mode=self.mode,
            language=self.language,
            citations=() if self.mode == "refusal" else self.citations,
            notices=self.notices,
            checks=self.checks,
            stages=tuple(self.stages),
            provenance=kept,
            perhaps=self.perhaps,
            reason=self.reason,
        )
