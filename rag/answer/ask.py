"""The story of a question, from top to bottom.

understand → find passages → verdict → safety notices → sources → fit to the window → write or
quote → check → done. Every step reports itself as a ``Status`` with its ``Stage``; whoever closes
the generator stops the work upstream.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from rag.answer.budget import Fitted, fit, meter_of
from rag.answer.cite import citations_of
from rag.answer.follow_up import Understanding, understand
from rag.answer.model_state import forget, model_state
from rag.answer.prompt import load_prompt
from rag.answer.provenance import provenance
from rag.answer.quote import best_part, quotation
from rag.answer.refusal import nearest_places, refusal_reason, refusal_text
from rag.answer.safety import notices_for
from rag.answer.write import Written, write
from rag.errors import RagError
from rag.language import detect_language
from rag.messages import say
from rag.models.llm import LanguageModelState
from rag.retrieve.find import find_passages
from rag.services import Services
from rag.types import (
    Answer,
    AnswerMode,
    Check,
    Citation,
    Done,
    Event,
    Failed,
    Hit,
    Language,
    Notice,
    Notices,
    Replaced,
    Retrieval,
    Scope,
    Sources,
    Stage,
    Status,
    Token,
    Turn,
    Understood,
    User,
)

log = logging.getLogger(__name__)

LONGEST_QUESTION = 1000


@dataclass(slots=True)
class _Story:
    """What is known so far about one question."""

    asked: str
    language: Language
    services: Services
    history: Sequence[Turn]
    understanding: Understanding
    id: str
    stages: list[Stage] = field(default_factory=list)
    model: LanguageModelState | None = None
    prompt_version: str | None = None
    hits: tuple[Hit, ...] = ()
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

    def stage(self, name: str, started_ns: int, key: str, **attributes: Any) -> Status:
        """Note a stage that just ended, and tell of it."""
        ids = tuple(hit.chunk.id for hit in self.hits)
        stage = Stage(name, started_ns, time.time_ns(), ids, attributes)
        self.stages.append(stage)
        return Status(key, stage)

    def say(self, text: str) -> Token:
        self.text += text
        return Token(text)


async def ask(
    question: str,
    *,
    user: User,
    scope: Scope,
    history: Sequence[Turn],
    services: Services,
    answer_id: str | None = None,
) -> AsyncIterator[Event]:
    """Answer a question from the manuals in ``scope``.

    The last event is ``Done`` or ``Failed``. A failure is never dressed up as an answer.
    """
    question = question.strip()
    if not question:
        yield Failed("answer.question_empty")
        return
    if len(question) > LONGEST_QUESTION:
        lengths = {"length": str(len(question)), "limit": str(LONGEST_QUESTION)}
        yield Failed("answer.question_too_long", lengths)
        return
    story = _Story(
        asked=question,
        language=detect_language(question, _default_language(history)),
        services=services,
        history=history,
        understanding=Understanding(question, scope),
        id=answer_id or uuid.uuid4().hex,
    )
    try:
        async with aclosing(_tell(story)) as events:  # type: ignore[type-var]
            async for event in events:
                yield event
    except RagError as error:
        log.warning("a question failed: %s", error)
        yield Failed(error.key, dict(error.values), error.retryable)
    except SQLAlchemyError:
        log.exception("the database failed while answering")
        yield Failed("answer.store_down", retryable=True)
    except Exception:
        log.exception("answering failed")
        yield Failed("answer.failed", retryable=True)


async def _tell(story: _Story) -> AsyncIterator[Event]:
    services = story.services
    yield Status("status.understanding")
    started = time.time_ns()
    scope = story.understanding.scope
    story.model = await model_state(services.settings)
    chat = services.llm if story.model.available else None
    story.understanding = await understand(story.asked, story.history, scope, story.language, chat)
    yield story.stage("understand", started, "status.understanding", by=story.understanding.by)
    if story.question != story.asked:
        yield Understood(story.question)

    yield Status("status.searching")
    retrieval: Retrieval | None = None
    async with aclosing(_search(story)) as found:  # type: ignore[type-var]
        async for item in found:
            if isinstance(item, Stage):
                story.stages.append(item)
                yield Status("status.searching", item)
            else:
                retrieval = item
    assert retrieval is not None
    if _is_refused(retrieval):
        yield await _refuse(story, retrieval)
        yield Done(await _answer(story))
        return
    story.hits = _one_machine(retrieval)
    story.citations = citations_of(story.hits, story.question)
    yield Status("status.reading", values={"label": story.citations[0].label})

    started = time.time_ns()
    story.notices = await notices_for(story.hits, services.library)
    yield story.stage("notices", started, "status.reading", notices=len(story.notices))
    if story.notices:
        yield Notices(story.notices)
    yield Sources(story.citations)

    fitted = None
    if retrieval.ambiguous_code:
        story.reason = "quote.ambiguous_code"
        code = retrieval.ambiguous_code
        yield story.say(say(story.reason, story.language, code=code) + "\n\n")
    elif chat is None:
        story.reason = f"quote.{story.model.reason}"
    else:
        fitted = _fit(story)
        story.reason = "" if fitted else "quote.window"
    if retrieval.verdict == "weak":
        yield story.say(say("answer.weak", story.language) + "\n\n")
    telling = _quote(story) if fitted is None else _generate(story, fitted)
    async with aclosing(telling) as events:  # type: ignore[type-var]
        async for event in events:
            yield event
    yield Done(await _answer(story))


# --- finding -------------------------------------------------------------------------------------


async def _search(story: _Story) -> AsyncIterator[Stage | Retrieval]:
    """The stages of retrieval as they end, then the ``Retrieval``."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Stage | None] = asyncio.Queue()

    def on_stage(stage: Stage) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, stage)

    understanding = story.understanding
    task = asyncio.create_task(
        find_passages(
            understanding.question,
            understanding.scope,
            services=story.services,
            on_stage=on_stage,
            use_language_model=story.model is not None and story.model.available,
        )
    )
    task.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        while (stage := await queue.get()) is not None:
            yield stage
        yield await task
    finally:
        task.cancel()


def _is_refused(retrieval: Retrieval) -> bool:
    return retrieval.verdict == "absent" or not retrieval.hits or bool(retrieval.missing_code)


def _one_machine(retrieval: Retrieval) -> tuple[Hit, ...]:
    """The passages of the best passage's machine: values of two machines are never mixed.

    A code that stands in the manuals of several machines is shown for each of them.
    """
    if retrieval.ambiguous_code:
        return retrieval.hits
    machine = retrieval.hits[0].chunk.machine
    return tuple(hit for hit in retrieval.hits if hit.chunk.machine == machine)


# --- telling -------------------------------------------------------------------------------------


def _fit(story: _Story) -> Fitted | None:
    settings = story.services.settings
    prompt = load_prompt("answer", story.language)
    story.prompt_version = f"{prompt.id} {prompt.version}"
    return fit(
        prompt,
        story.question,
        notices=story.notices,
        passages=[hit.chunk for hit in story.hits],
        history=story.history,
        language=story.language,
        num_ctx=settings.num_ctx,
        answer_tokens=settings.answer_tokens,
        meter=meter_of(settings.ollama_base_url, settings.ollama_model),
        shorten=lambda chunk, characters: best_part(chunk, story.question, characters),
    )


async def _generate(story: _Story, fitted: Fitted) -> AsyncIterator[Event]:
    """The model's answer; a quotation in its place when it fails or a value is wrong."""
    services, settings = story.services, story.services.settings
    yield Status("status.writing")
    started = time.time_ns()
    written = Written()
    passages = [story.hits[number - 1].chunk for number in fitted.numbers]
    pieces = write(
        services.llm,
        fitted,
        passages,
        story.question,
        story.language,
        meter=meter_of(settings.ollama_base_url, settings.ollama_model),
        num_ctx=settings.num_ctx,
        written=written,
    )
    async with aclosing(pieces) as shown:  # type: ignore[type-var]
        async for piece in shown:
            yield story.say(piece)
    story.checks = tuple(written.checks)
    attributes = {"planned_tokens": fitted.tokens, **fitted.left_out, **written.attributes}
    yield story.stage("generate", started, "status.checking", **attributes)
    cited = tuple(c for c in story.citations if c.n in written.cited)
    if written.failure is not None:
        forget(settings)
        story.mode, story.reason = "completed_by_quote", written.failure.key
        lead = say("answer.interrupted", story.language)
        yield story.say(("\n\n" if story.text else "") + f"*{lead}*\n\n")
        yield _quoted(story)
    elif not written.text.strip():
        story.mode, story.reason = "completed_by_quote", "answer.empty"
        yield story.say(f"*{say(story.reason, story.language)}*\n\n")
        yield _quoted(story)
    elif written.central_value_failed:
        story.mode, story.reason = "quote", "answer.replaced"
        story.text = f"*{say(story.reason, story.language)}*\n\n"
        _quoted(story)
        yield Replaced(story.text, story.reason)
    else:
        story.mode = "llm"
        story.citations = cited or story.citations
        if written.usage is not None and written.usage.done_reason == "length":
            story.reason = "answer.cut_off"
            yield story.say(f"\n\n*{say(story.reason, story.language)}*")


async def _quote(story: _Story) -> AsyncIterator[Event]:
    """Quote mode: verbatim passages, and one line on how to switch the language model on."""
    yield Status("status.quoting")
    started = time.time_ns()
    token = _quoted(story)
    story.mode = "quote"
    yield token
    settings = story.services.settings
    if story.reason in ("quote.unreachable", "quote.model_missing", "quote.window"):
        hint = say(
            story.reason,
            story.language,
            url=settings.ollama_base_url,
            model=settings.ollama_model,
            num_ctx=settings.num_ctx,
        )
        yield story.say(f"\n\n*{hint}*")
    yield story.stage("quote", started, "status.done", reason=story.reason)


def _quoted(story: _Story) -> Token:
    chunks = [hit.chunk for hit in story.hits]
    return story.say(quotation(chunks, story.citations, story.question, story.language))


async def _refuse(story: _Story, retrieval: Retrieval) -> Token:
    library = story.services.library
    scope = story.understanding.scope
    has_manuals = bool(await asyncio.to_thread(library.active_ids, Scope()))
    story.mode = "refusal"
    story.reason = refusal_reason(retrieval, scope, has_manuals=has_manuals)
    story.perhaps = nearest_places(retrieval, story.question)
    text = refusal_text(story.reason, retrieval, scope, story.perhaps, story.language)
    return story.say(text)


async def _answer(story: _Story) -> Answer:
    """The finished answer with everything it rests on."""
    kept = await provenance(
        asked=story.asked,
        understood_as=story.question,
        understood_by=story.understanding.by,
        scope=story.understanding.scope,
        hits=story.hits,
        services=story.services,
        model=story.model if story.mode in ("llm", "completed_by_quote") else None,
        prompt_version=story.prompt_version,
        checks=story.checks,
        stages=story.stages,
    )
    return Answer(
        id=story.id,
        question=story.asked,
        understood_as=story.question,
        text=story.text,
        mode=story.mode,
        language=story.language,
        citations=() if story.mode == "refusal" else story.citations,
        notices=story.notices,
        checks=story.checks,
        stages=tuple(story.stages),
        provenance=kept,
        perhaps=story.perhaps,
        reason=story.reason,
    )


def _default_language(history: Sequence[Turn]) -> Language:
    return detect_language(history[-1].question) if history else "de"
