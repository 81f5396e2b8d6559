"""Shows one question's events in the chat, in the order they come.

From top to bottom: what is happening (vanishes), safety notices, the answer, its source cards,
what can be done with it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import chainlit as cl

from rag.chat.cards import notice_boxes, source_cards, told_apart
from rag.chat.pace import Pace
from rag.chat.tools import answer_tools
from rag.messages import say
from rag.types import (
    Answer,
    Citation,
    Done,
    Event,
    Failed,
    Language,
    Notice,
    Notices,
    Replaced,
    Sources,
    Status,
    Token,
    Understood,
)


class StatusLine:
    """One line that says what is happening. Never kept in the history."""

    def __init__(self) -> None:
        self._message: cl.Message | None = None

    async def show(self, text: str) -> None:
        emitter = cl.context.emitter
        if self._message is not None and self._message.content == text:
            return
        if self._message is None:
            # public/millwright.css knows the line by its id; its type tells it from answers.
            line = f"status-{uuid.uuid4()}"
            self._message = cl.Message(content=text, id=line, type="system_message")
            await emitter.send_step(self._message.to_dict())
        else:
            self._message.content = text
            await emitter.update_step(self._message.to_dict())

    async def hide(self) -> None:
        if self._message is not None:
            await cl.context.emitter.delete_step(self._message.to_dict())
            self._message = None


class AnswerView:
    """``show`` every event; afterwards ``answer`` is what was answered, if anything was.

    ``pace`` knows how long answers take; without it nothing is said of that.
    """

    def __init__(
        self,
        question: str,
        language: Language,
        pages: Mapping[str, int],
        pace: Pace | None = None,
    ) -> None:
        self.answer: Answer | None = None
        self._question = question
        self._language = language
        self._pages = pages
        self._pace = pace
        self._status = StatusLine()
        self._message = cl.Message(content="")
        self._note = ""
        self._sent = False
        self._sources: cl.CustomElement | None = None

    async def show(self, event: Event) -> None:
        match event:
            case Status(stage=None):
                await self._status.show(self._doing(event))
            case Status():
                pass  # tells of a stage that is over: for the trace
            case Understood():
                self._note = self._understood(event.question)
            case Notices():
                await self._show_notices(event.notices)
            case Sources():
                await self._show_sources(event.citations, "card.sources")
            case Token():
                await self._status.hide()
                await self._write(event.text)
            case Replaced():
                await self._replace(event.text)
            case Done():
                await self._finish(event.answer)
            case Failed():
                await self._fail(event.key, event.values, retryable=event.retryable)

    async def stop(self) -> None:
        """The user has had enough: keep what there is and say that it is not all."""
        await self._status.hide()
        await self._write(f"\n\n*{say('chat.stopped', self._language)}*")
        await self._settle()

    async def fail(self, key: str, *, retryable: bool = True, **values: str) -> None:
        """Something broke that ``ask`` did not report itself."""
        await self._fail(key, values, retryable=retryable)

    async def _show_notices(self, notices: Sequence[Notice]) -> None:
        if notices:
            props = notice_boxes(notices, self._language, self._pages)
            await _send_element("Notices", props)

    async def _show_sources(self, citations: Sequence[Citation], heading: str) -> None:
        if not citations:
            return
        await self._send()
        props = source_cards(citations, self._language, self._pages, heading)
        self._sources = cl.CustomElement(name="Sources", props=props)
        await self._sources.send(for_id=self._message.id)

    async def _sort_sources(self, citations: Sequence[Citation]) -> None:
        """The cards came before the answer: those that it does not rest on stand apart now."""
        if self._sources is None:
            return
        sorted_out = told_apart(self._sources.props, citations)
        if sorted_out != self._sources.props:
            self._sources.props = sorted_out
            await self._sources.update()

    async def _offer_tools(self, answer: Answer) -> None:
        run = cl.context.current_run
        thread = cl.context.session.thread_id
        props = answer_tools(answer, run.id if run else answer.id, thread, self._language)
        await cl.CustomElement(name="Tools", props=props).send(for_id=self._message.id)

    async def _write(self, text: str) -> None:
        await self._send()
        await self._message.stream_token(text)

    async def _replace(self, text: str) -> None:
        await self._send()
        await self._message.stream_token(self._note + text, is_sequence=True)

    async def _finish(self, answer: Answer) -> None:
        self.answer = answer
        if self._pace:
            self._pace.note(answer)
        await self._status.hide()
        await self._send()
        self._message.content = self._note + answer.text
        await self._sort_sources(answer.citations)
        if self._sources is None:
            await self._show_sources(answer.perhaps, "card.perhaps")
        await self._offer_tools(answer)
        await self._settle()

    async def _fail(self, key: str, values: Mapping[str, str], *, retryable: bool) -> None:
        await self._status.hide()
        if self._sent:
            await self._settle()
        await show_failure(key, self._language, values, again=self._question if retryable else "")

    async def _send(self) -> None:
        if not self._sent:
            self._sent = True
            self._message.content = self._note
            await self._message.send()

    def _doing(self, status: Status) -> str:
        """What is happening, and how long the whole usually takes.

        While nobody knows yet who answers, a quotation's short time would be a wrong promise.
        """
        text = say(status.key, self._language, **status.values)
        quoting = status.key == "status.quoting"
        seconds = self._pace.usual_s(written=not quoting) if self._pace else 0
        if not seconds:
            return text
        return say("status.usually", self._language, text=text, seconds=seconds)

    def _understood(self, question: str) -> str:
        """Stands before the answer when the question was completed from the conversation."""
        return f"*{say('chat.understood', self._language, question=question)}*\n\n"

    async def _settle(self) -> None:
        if self._sent:
            await self._message.update()


async def show_failure(
    key: str, language: Language, values: Mapping[str, str], again: str = ""
) -> None:
    """A box that says what failed and what to do; ``again`` is a question to try once more."""
    props = {
        "headline": say("chat.failed_headline", language),
        "text": say(key, language, **values),
        "question": again,
        "again": say("chat.again", language),
    }
    await _send_element("Failed", props)


async def _send_element(name: str, props: dict[str, Any]) -> None:
    await cl.Message(content="", elements=[cl.CustomElement(name=name, props=props)]).send()
