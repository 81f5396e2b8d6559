"""Tell the answer: the model's, or the manual's own words."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing

from rag.answer.budget import Fitted, fit
from rag.answer.clean import verbatim
from rag.answer.excerpt import best_part
from rag.answer.model_state import forget
from rag.answer.prompt import load_prompt
from rag.answer.quote import quotation
from rag.answer.story import Story
from rag.answer.tokens import meter_of
from rag.answer.write import Written, write
from rag.messages import say
from rag.models.generate import Place
from rag.types import Event, Replaced, Status, Token

# Why nobody wrote: said under the quotation.
_WITHOUT_MODEL = (
    "quote.unreachable",
    "quote.model_missing",
    "quote.failing",
    "quote.off",
    "quote.window",
)


def fit_prompt(story: Story) -> Fitted | None:
    """The prompt within the window. Reads the tokenizer at first: call it in a thread."""
    settings = story.services.settings
    prompt = load_prompt("answer", story.language)
    story.prompt_version = f"{prompt.id} {prompt.version}"
    return fit(
        prompt,
        story.question,
        notices=story.notices,
        passages=[hit.chunk for hit in story.told],
        history=story.history,
        language=story.language,
        num_ctx=settings.num_ctx,
        answer_tokens=settings.answer_tokens,
        meter=meter_of(settings, story.services.library),
        shorten=lambda chunk, characters: best_part(chunk, story.relevance, characters),
    )


async def generate(story: Story, fitted: Fitted) -> AsyncIterator[Event]:
    """The model's answer; a quotation in its place when it fails or a value is wrong."""
    services, settings = story.services, story.services.settings
    yield Status("status.writing")
    started = time.time_ns()
    written = Written()
    passages = [story.hits[number - 1].chunk for number in fitted.numbers]
    meter = meter_of(settings, services.library)
    pieces = write(
        services.llm,
        fitted,
        passages,
        story.question,
        story.language,
        meter=meter,
        settings=settings,
        user=story.user,
        written=written,
    )
    async with aclosing(pieces) as shown:  # type: ignore[type-var]
        async for piece in shown:
            if isinstance(piece, Place):
                place = str(piece.number)
                yield Status(
                    "status.queued" if piece.number else "status.writing", None, {"place": place}
                )
            else:
                if not story.text and story.retrieval.verdict == "weak":
                    # First, so that nobody reads a value before the doubt about it.
                    yield story.say(f"*{say('answer.weak_written', story.language)}*\n\n")
                yield story.say(piece)
    if meter.has_learned:
        await asyncio.to_thread(meter.keep)
    story.checks = tuple(written.checks)
    attributes = {"planned_tokens": fitted.tokens, **fitted.left_out, **written.attributes}
    yield story.stage("generate", started, "status.checking", **attributes)
    cited = tuple(c for c in story.citations if c.n in written.cited)
    if written.failure is not None:
        forget(settings)
        story.mode, story.reason = "completed_by_quote", written.failure.key
        down = written.failure
        lead = say("answer.interrupted", story.language)
        if not written.text:
            lead = say(down.key, story.language, **down.values)
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
        told = {hit.chunk.id for hit in story.told}
        story.citations = cited or tuple(c for c in story.citations if c.chunk_id in told)
        others = {hit.chunk.machine for hit in story.hits} - {story.hits[0].chunk.machine}
        if others:
            yield story.say("\n\n" + _other_machines(story, others))
        if written.usage is not None and written.usage.done_reason == "length":
            story.reason = "answer.cut_off"
            yield story.say(f"\n\n*{say(story.reason, story.language)}*")


def _other_machines(story: Story, others: Collection[str]) -> str:
    machine = verbatim(story.hits[0].chunk.machine)
    named = verbatim(", ".join(sorted(others)))
    return say("answer.other_machine", story.language, machine=machine, others=named)


async def quote(story: Story) -> AsyncIterator[Event]:
    """Quote mode: verbatim passages, and one line on how to switch the language model on."""
    yield Status("status.quoting")
    started = time.time_ns()
    story.mode = "quote"
    yield _quoted(story)
    settings = story.services.settings
    if story.reason in _WITHOUT_MODEL:
        hint = say(
            story.reason,
            story.language,
            url=without_credentials(settings.ollama_base_url),
            model=settings.ollama_model,
            num_ctx=settings.num_ctx,
        )
        yield story.say(f"\n\n*{hint}*")
    yield story.stage("quote", started, "status.done", reason=story.reason)


def without_credentials(addresses: str) -> str:
    """Addresses as everybody may read them: "http://name:secret@host" is "http://host"."""
    return re.sub(r"//[^/@,\s]*@", "//", addresses)


def _quoted(story: Story) -> Token:
    quoted = quotation(
        story.passages, story.citations, story.notices, story.relevance, story.language
    )
    doubted = say("answer.weak_written", story.language) in story.text
    if story.retrieval.verdict == "weak" and not doubted:
        quoted = f"*{say('answer.weak', story.language)}*\n\n{quoted}"
    return story.say(quoted)
