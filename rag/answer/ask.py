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

from sqlalchemy.exc import SQLAlchemyError

from rag.answer.cache import as_own, cache_key, keep, recall, replay
from rag.answer.cite import citations_of
from rag.answer.compose import fit_prompt, generate, quote
from rag.answer.conflict import conflict_text, find_conflict
from rag.answer.excerpt import asks_for_value
from rag.answer.follow_up import Understanding, is_follow_up, understand
from rag.answer.machines import names_of, nothing_named, of_chosen_machine
from rag.answer.model_state import model_state
from rag.answer.passages import choose_passages
from rag.answer.records import words_of
from rag.answer.refusal import nearest_places, refusal_text
from rag.answer.relevance import Relevance
from rag.answer.safety import notices_for
from rag.answer.story import Story
from rag.errors import RagError
from rag.language import detect_language
from rag.messages import say
from rag.models.hosts import hosts_of
from rag.observe.logs import belongs_to
from rag.observe.metrics import measured
from rag.observe.trace import trace_name
from rag.retrieve.find import find_passages
from rag.retrieve.scope import question_language
from rag.retrieve.snapshot import Snapshot
from rag.services import Services
from rag.types import (
    Done,
    Event,
    Failed,
    Hit,
    Language,
    ManualStatus,
    Notices,
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


@measured
async def ask(
    question: str,
    *,
    user: User,
    scope: Scope,
    history: Sequence[Turn],
    services: Services,
    answer_id: str | None = None,
    fresh: bool = False,
    words_s: float = 0.0,
) -> AsyncIterator[Event]:
    """Answer a question from the manuals in ``scope``; ``fresh``: not with a kept answer;
    ``words_s``: seconds between tokens, at least.

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
    story = Story(
        asked=question,
        language=question_language(
            question, _default_language(history), services.keywords.glossary
        ),
        services=services,
        history=history,
        understanding=Understanding(question, scope),
        id=answer_id or uuid.uuid4().hex,
        user=user.id,
    )
    belongs_to(trace=trace_name(story.id))
    with services.flights.listening():
        try:
            async with aclosing(_tell(story, fresh, words_s)) as events:  # type: ignore[type-var]
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


async def _tell(story: Story, fresh: bool, words_s: float) -> AsyncIterator[Event]:
    """Understand the question; then a kept answer, or a new one, told to all who ask the same."""
    services = story.services
    yield Status("status.understanding")
    started = time.time_ns()
    chat = None
    if is_follow_up(story.asked, story.history, story.language):
        model = await model_state(services.settings)
        chat = hosts_of(services.settings).chat(services.llm) if model.available else None
    scope = story.understanding.scope
    named = await names_of(services) if story.history else nothing_named
    story.understanding = await understand(
        story.asked, story.history, scope, story.language, chat, named
    )
    yield story.stage("understand", started, "status.understanding", by=story.understanding.by)
    if story.question != story.asked:
        yield Understood(story.question)

    key = await cache_key(story)
    kept = None if fresh else recall(story, key)
    if kept is not None:
        for event in replay(kept):
            yield event
        yield Done(kept)
        return
    # What was said before is part of the prompt, and nobody else's business.
    shared = "" if fresh or story.history else key
    flight = services.flights.join(shared, lambda: _find_and_tell(story, key), words_s)
    async with aclosing(flight) as events:  # type: ignore[type-var]
        async for event in events:
            others = isinstance(event, Done) and event.answer.id != story.id
            yield Done(as_own(event.answer, story, "shared")) if others else event


async def _find_and_tell(story: Story, key: str) -> AsyncIterator[Event]:
    """``key`` is of before the search: the library may change meanwhile."""
    services = story.services
    story.model = await model_state(services.settings)
    yield Status("status.searching")
    async with aclosing(_search(story)) as stages:  # type: ignore[type-var]
        async for stage in stages:
            story.stages.append(stage)
            yield Status("status.searching", stage)
    retrieval = story.retrieval = await of_chosen_machine(
        story.retrieval, story.question, story.understanding.scope, services
    )
    snapshot = await services.keywords.current()
    await asyncio.to_thread(_choose, story, snapshot)
    if _is_refused(retrieval):
        if story.degraded:
            yield _index_away(story)
        yield await _refuse(story, retrieval)
        yield Done(keep(story, key, await story.finished()))
        return
    yield Status("status.reading", values={"label": story.citations[0].label})

    started = time.time_ns()
    story.notices = await notices_for(_with_notices(story, retrieval), services.library)
    yield story.stage("notices", started, "status.reading", notices=len(story.notices))
    if story.notices:
        yield Notices(story.notices)
    yield Sources(story.citations)

    if story.degraded:
        yield _index_away(story)
    fitted = None
    if retrieval.ambiguous_code:
        story.reason = "quote.ambiguous_code"
        code = retrieval.ambiguous_code
        yield story.say(say(story.reason, story.language, code=code) + "\n\n")
    elif not story.model.available:
        story.reason = f"quote.{story.model.reason}"
    else:
        fitted = await asyncio.to_thread(fit_prompt, story)
        story.reason = "" if fitted else "quote.window"
    if asks_for_value(story.question, story.language) and (conflict := _conflict(story)):
        yield story.say(conflict + "\n\n")
    telling = quote(story) if fitted is None else generate(story, fitted)
    async with aclosing(telling) as events:  # type: ignore[type-var]
        async for event in events:
            yield event
    yield Done(keep(story, key, await story.finished()))


def _index_away(story: Story) -> Token:
    """Says that only words were searched, and that a later answer may be better."""
    return story.say(f"*{say('answer.index_away', story.language)}*\n\n")


# --- finding -------------------------------------------------------------------------------------


async def _search(story: Story) -> AsyncIterator[Stage]:
    """The stages of retrieval as they end; leaves what was found in ``story.retrieval``."""
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
        story.retrieval = await task
    finally:
        task.cancel()


def _choose(story: Story, snapshot: Snapshot) -> None:
    """What the answer rests on, unless it is a refusal."""
    library = story.services.library
    story.relevance = Relevance(
        snapshot,
        story.question,
        story.language,
        {manual.language for manual in library.manuals(ManualStatus.ACTIVE)},
        asks_value=asks_for_value(story.question, story.language),
    )
    if not _is_refused(story.retrieval):
        count = story.services.settings.passages
        story.passages = choose_passages(story.retrieval, story.relevance, library, count)
        story.citations = citations_of(story.passages, story.relevance)


def _is_refused(retrieval: Retrieval) -> bool:
    return retrieval.verdict == "absent" or not retrieval.hits or bool(retrieval.missing_code)


def _with_notices(story: Story, retrieval: Retrieval) -> list[Hit]:
    """The passages with all sections of theirs, and the notices of their machines that were
    found themselves."""
    sections = [Hit(piece) for passage in story.passages for piece in passage.pieces]
    if "exact" in story.hits[0].ranks:
        return [*story.hits, *sections]
    machines = {hit.chunk.machine for hit in story.hits}
    found = [hit for hit in retrieval.hits if hit.chunk.kind == "notice"]
    return [*story.hits, *sections, *(hit for hit in found if hit.chunk.machine in machines)]


def _conflict(story: Story) -> str:
    """Both values, where two passages contradict each other on what was asked."""
    chunks = [hit.chunk for hit in story.hits]
    words = words_of(story.question, "de") | words_of(story.question, "en")
    conflict = find_conflict(chunks, words)
    return conflict_text(conflict, story.citations, story.language) if conflict else ""


async def _refuse(story: Story, retrieval: Retrieval) -> Token:
    library = story.services.library
    scope = story.understanding.scope
    has_manuals = bool(await asyncio.to_thread(library.active_ids, Scope()))
    story.mode = "refusal"
    story.perhaps = nearest_places(retrieval, story.relevance)
    story.reason, text = refusal_text(retrieval, scope, story.language, has_manuals=has_manuals)
    return story.say(text)


def _default_language(history: Sequence[Turn]) -> Language:
    return detect_language(history[-1].question) if history else "de"
