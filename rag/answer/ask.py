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

from rag.answer.cite import citations_of
from rag.answer.compose import fit_prompt, generate, quote
from rag.answer.conflict import conflict_text, find_conflict
from rag.answer.follow_up import Understanding, understand
from rag.answer.model_state import model_state
from rag.answer.quote import asks_for_value, best_line_score
from rag.answer.records import words_of
from rag.answer.refusal import nearest_places, refusal_reason, refusal_text
from rag.answer.relevance import Relevance
from rag.answer.safety import notices_for
from rag.answer.story import Story
from rag.codes import find_codes, fold_code
from rag.errors import RagError
from rag.language import detect_language
from rag.messages import say
from rag.models.hosts import hosts_of
from rag.observe.logs import belongs_to
from rag.observe.metrics import measured
from rag.observe.trace import trace_name
from rag.retrieve.find import find_passages
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
# From this share of the best BM25 score on, another machine's passage is shown beside it.
_RIVAL = 0.7
# How much the best line counts beside the whole passage; measured on the gold questions.
_LINE = 0.4


@measured
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
    story = Story(
        asked=question,
        language=detect_language(question, _default_language(history)),
        services=services,
        history=history,
        understanding=Understanding(question, scope),
        id=answer_id or uuid.uuid4().hex,
        user=user.id,
    )
    belongs_to(trace=trace_name(story.id))
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


async def _tell(story: Story) -> AsyncIterator[Event]:
    services = story.services
    yield Status("status.understanding")
    started = time.time_ns()
    scope = story.understanding.scope
    story.model = await model_state(services.settings)
    chat = hosts_of(services.settings).chat(services.llm) if story.model.available else None
    story.understanding = await understand(story.asked, story.history, scope, story.language, chat)
    yield story.stage("understand", started, "status.understanding", by=story.understanding.by)
    if story.question != story.asked:
        yield Understood(story.question)

    yield Status("status.searching")
    async with aclosing(_search(story)) as stages:  # type: ignore[type-var]
        async for stage in stages:
            story.stages.append(stage)
            yield Status("status.searching", stage)
    retrieval = story.retrieval
    story.relevance = await _relevance(story)
    if _is_refused(retrieval):
        yield await _refuse(story, retrieval)
        yield Done(await story.finished())
        return
    section = await asyncio.to_thread(_section_of_notice, story)
    story.hits = _passages(story, section, services.settings.passages)
    story.citations = citations_of(story.hits, story.relevance)
    yield Status("status.reading", values={"label": story.citations[0].label})

    started = time.time_ns()
    story.notices = await notices_for(_with_notices(story, retrieval), services.library)
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
        fitted = await asyncio.to_thread(fit_prompt, story)
        story.reason = "" if fitted else "quote.window"
    if asks_for_value(story.question) and (conflict := _conflict(story)):
        yield story.say(conflict + "\n\n")
    telling = quote(story) if fitted is None else generate(story, fitted)
    async with aclosing(telling) as events:  # type: ignore[type-var]
        async for event in events:
            yield event
    yield Done(await story.finished())


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


async def _relevance(story: Story) -> Relevance:
    snapshot = await story.services.keywords.current()
    manuals = await asyncio.to_thread(story.services.library.manuals, ManualStatus.ACTIVE)
    return Relevance(
        snapshot,
        story.question,
        story.language,
        {manual.language for manual in manuals},
        asks_value=asks_for_value(story.question),
    )


def _is_refused(retrieval: Retrieval) -> bool:
    return retrieval.verdict == "absent" or not retrieval.hits or bool(retrieval.missing_code)


def _section_of_notice(story: Story) -> list[Hit]:
    """What the best hit warns about, when it is a notice: the text or steps of its section."""
    best = story.retrieval.hits[0].chunk
    if best.kind != "notice":
        return []
    same = [
        chunk
        for chunk in story.services.library.chunks_of(best.manual_id)
        if chunk.heading == best.heading and chunk.kind != "notice"
    ]
    if not same:
        return []
    scores = story.relevance.scores([chunk.text for chunk in same], best.language)
    steps = [chunk.kind == "procedure" for chunk in same]
    chosen = max(range(len(same)), key=lambda place: (steps[place], scores[place]))
    return [Hit(same[chosen], {"section": 1})]


def _passages(story: Story, section: Sequence[Hit], count: int) -> tuple[Hit, ...]:
    """The passages to answer from: the best one, then those with the best line on the question.
    Those of the best one's machine come first.

    Notices are shown as boxes; they take a passage's place only where one is the best hit, and
    then bring the ``section`` that they belong to.
    """
    retrieval = story.retrieval
    if retrieval.ambiguous_code:
        return tuple(hit for hit in retrieval.hits if "exact" in hit.ranks)
    ranked = retrieval.stages.get("final") or retrieval.hits
    best = ranked[0]
    if "exact" in best.ranks:
        ranked = tuple(h for h in ranked if "exact" in h.ranks or _names_codes_of(best, h))
    told = [best, *section]
    known = {hit.chunk.id for hit in section}
    for hit in _by_best_line(story, ranked[1:], best):
        if (
            hit.chunk.id not in known
            and hit.chunk.kind != "notice"
            and (hit.chunk.machine == best.chunk.machine or _rivals(hit, best))
        ):
            told.append(hit)
    return tuple(sorted(told[:count], key=lambda hit: hit.chunk.machine != best.chunk.machine))


def _by_best_line(story: Story, hits: Sequence[Hit], best: Hit) -> list[Hit]:
    """A long passage may share many words and yet have no line that answers."""
    lines = [best_line_score(hit.chunk, story.relevance) for hit in hits]
    top_line = max(lines, default=0.0) or 1.0
    top_score = max((hit.scores.get("bm25", 0.0) for hit in (best, *hits)), default=0.0) or 1.0

    def order(place: int) -> tuple[bool, float]:
        share = hits[place].scores.get("bm25", 0.0) / top_score
        return "exact" not in hits[place].ranks, -(share + _LINE * lines[place] / top_line)

    return [hits[place] for place in sorted(range(len(hits)), key=order)]


def _names_codes_of(best: Hit, other: Hit) -> bool:
    """Whether a passage speaks of the code or part that was asked for: beside its record, passages
    that only share a word with it would be noise, and their warnings would hide the right ones."""
    asked = {fold_code(code) for code in best.chunk.codes}
    return any(fold_code(code) in asked for code in find_codes(other.chunk.text))


def _rivals(other: Hit, best: Hit) -> bool:
    """Whether another machine's passage is nearly as good, so that either may be meant."""
    if "exact" in best.ranks:
        return "exact" in other.ranks
    return other.scores.get("bm25", 0.0) >= _RIVAL * best.scores.get("bm25", 0.0)


def _with_notices(story: Story, retrieval: Retrieval) -> list[Hit]:
    """The passages, and the notices of their machines that were found themselves."""
    if "exact" in story.hits[0].ranks:
        return list(story.hits)
    machines = {hit.chunk.machine for hit in story.hits}
    found = [hit for hit in retrieval.hits if hit.chunk.kind == "notice"]
    return [*story.hits, *(hit for hit in found if hit.chunk.machine in machines)]


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
    story.reason = refusal_reason(retrieval, scope, has_manuals=has_manuals)
    story.perhaps = nearest_places(retrieval, story.relevance)
    text = refusal_text(story.reason, retrieval, scope, story.perhaps, story.language)
    return story.say(text)


def _default_language(history: Sequence[Turn]) -> Language:
    return detect_language(history[-1].question) if history else "de"
