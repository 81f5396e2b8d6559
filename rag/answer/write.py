"""Let the language model write, and let nothing pass unread."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag.answer.budget import Fitted
from rag.answer.cite import Citer
from rag.answer.gate import Gate
from rag.answer.numbers import Checker
from rag.answer.tokens import Meter
from rag.errors import LanguageModelDown
from rag.models.generate import Generation, Place
from rag.models.llm import Usage
from rag.settings import Settings
from rag.types import Check, Chunk, Language

if TYPE_CHECKING:
    from langchain_ollama import ChatOllama

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Written:
    """What became of a generation. ``failure`` is set when the model stopped before its end."""

    text: str = ""
    checks: list[Check] = field(default_factory=list)
    cited: set[int] = field(default_factory=set)
    usage: Usage | None = None
    failure: LanguageModelDown | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def central_value_failed(self) -> bool:
        """The first value of the answer is not in the manual, or most of its values are not."""
        values = [check for check in self.checks if check.kind != "citation"]
        missing = sum(check.status == "missing" for check in values)
        return bool(missing) and (values[0].status == "missing" or 2 * missing >= len(values))


async def write(
    chat: ChatOllama,
    fitted: Fitted,
    passages: Sequence[Chunk],
    question: str,
    language: Language,
    *,
    meter: Meter,
    settings: Settings,
    user: str,
    written: Written,
) -> AsyncIterator[Place | str]:
    """Places in the line before the model, then the checked answer in pieces. Fills ``written``;
    closing it stops the server's generation."""
    num_ctx = settings.num_ctx
    checker = Checker(passages, question, language)
    gate = Gate(checker, Citer(passages, language), language)
    limited = chat.model_copy(update={"num_predict": fitted.reserve, "num_ctx": num_ctx})
    generation = Generation(limited, fitted.messages, settings, user)
    try:
        async with aclosing(generation.run()) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if isinstance(piece, Usage):
                    written.usage = piece
                elif isinstance(piece, Place):
                    yield piece
                elif shown := gate.feed(piece):
                    yield shown
    except LanguageModelDown as failure:
        written.failure = failure
    rest = gate.finish()
    if rest:
        yield rest
    written.attributes = dict(generation.report)
    written.text, written.checks, written.cited = gate.text, gate.checks, gate.cited
    if written.usage is not None and written.usage.prompt_tokens:
        reported = written.usage.prompt_tokens
        mismatch = meter.compare(
            fitted.texts, planned=fitted.tokens, reported=reported, num_ctx=num_ctx
        )
        written.attributes |= {
            "prompt_tokens": reported,
            "answer_tokens": written.usage.answer_tokens,
            "prompt_tokens_mismatch": mismatch,
        }
