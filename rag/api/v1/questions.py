"""Questions and what people think of the answers: the same ``ask`` and ledger as the chat's."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from rag.access.api_keys import ApiScope
from rag.access.pseudonym import pseudonym
from rag.answer.ask import ask
from rag.api.problems import Problem, plain_problem, problem_body, problem_of
from rag.api.v1.access import JSON, Caller, caller_of, needs
from rag.api.v1.event_stream import EventStream, while_listened
from rag.api.v1.schemas import AnswerOut, Feedback, Query
from rag.api.v1.shapes import answer_out, safety_notice, source
from rag.chat.door import Door
from rag.errors import RagError
from rag.flights import WORDS_S
from rag.messages import say
from rag.types import (
    Answer,
    Done,
    Event,
    Failed,
    Language,
    Notices,
    Replaced,
    Scope,
    Sources,
    Status,
    Token,
    Turn,
    Understood,
)

logger = logging.getLogger(__name__)


EVENTS = ("status", "notices", "sources", "token", "replaced", "done", "failed")
EVENT_SCHEMA = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"type": "string", "enum": list(EVENTS)},
        "data": {"type": "string", "contentMediaType": JSON},
    },
}


def add_questions(router: APIRouter, door: Door) -> None:
    """``POST /query``, ``POST /query/stream`` and ``POST /feedback``."""
    traced = door.services.settings.tracing

    @router.post("/query", response_model=AnswerOut, summary="Ask, and get the whole answer")
    @needs(ApiScope.ASK, content=JSON)
    async def query(request: Request, query: Query) -> AnswerOut:
        """An honest refusal ("the manuals do not say") is an answer, too: `mode` tells."""
        caller = caller_of(request)
        scope = await _let_in(query, caller, door)
        events = _events(query, scope, caller, door)
        ended = await while_listened(request.receive, _last(events))
        if isinstance(ended, Done):
            return answer_out(ended.answer, traced=traced)
        raise _failure(ended, caller.language)

    @router.post(
        "/query/stream",
        status_code=200,
        response_class=EventStream,
        summary="Ask, and get it as it comes",
        responses={200: {"content": {EventStream.media_type: {"itemSchema": EVENT_SCHEMA}}}},
    )
    @needs(ApiScope.ASK, content=JSON)
    async def stream(request: Request, query: Query) -> Response:
        """Server-sent events: `status`, `notices` (before the first `token`), `sources`, `token`,
        `replaced` (forget the text so far: a check failed; this stands instead), and at the end
        `done` with the whole answer, or `failed` with problem details. A comment comes every 15
        seconds. Whoever closes the connection ends the work on the answer."""
        caller = caller_of(request)
        scope = await _let_in(query, caller, door)
        events = _events(query, scope, caller, door)
        return EventStream(_as_stream(events, caller.language, traced))

    @router.post("/feedback", status_code=204, summary="Rate an answer")
    @needs(ApiScope.FEEDBACK, content=JSON)
    async def feedback(request: Request, feedback: Feedback) -> None:
        """Only answers to one's own questions can be rated; a key counts as one person."""
        user = caller_of(request).user
        await asyncio.to_thread(
            door.services.tracer.rate,
            feedback.answer_id,
            feedback.value,
            reason=feedback.reason or "",
            comment=feedback.comment or "",
            pseudonym=pseudonym(user.id, door.services.settings),
        )


async def _let_in(query: Query, caller: Caller, door: Door) -> Scope:
    """What may be searched, once the question counts. Raises ``Problem`` and ``TooMany``."""
    scope = await asyncio.to_thread(_scope, query, caller.language, door)
    await asyncio.to_thread(door.limits.spend, "question", caller.user.id)
    return scope


def _scope(query: Query, language: Language, door: Door) -> Scope:
    """Never more than was asked for: a name that is unknown does not mean "all"."""
    library = door.services.library
    known = set(library.machines()) if query.machines else set()
    errors = _unknown("/machines", query.machines, known, "error.machine_unknown", language)
    active = library.active_ids(Scope()) if query.manuals else frozenset()
    errors += _unknown("/manuals", query.manuals, active, "error.manual_not_active", language)
    if errors:
        raise Problem(422, "problem.422.detail", language, errors=errors)
    return Scope(machines=tuple(query.machines), manual_ids=tuple(query.manuals))


def _unknown(
    where: str, names: Sequence[str], known: set[str] | frozenset[str], key: str, language: Language
) -> list[tuple[str, str]]:
    return [
        (f"#{where}/{place}", say(key, language, name=name))
        for place, name in enumerate(names)
        if name not in known
    ]


async def _events(
    query: Query, scope: Scope, caller: Caller, door: Door
) -> AsyncGenerator[Event, None]:
    """What ``ask`` tells; the finished answer is recorded before it is passed on."""
    services = door.services
    history = [Turn(turn.question, turn.answer) for turn in query.history]
    events = ask(
        query.question,
        user=caller.user,
        scope=scope,
        history=history,
        services=services,
        fresh=query.fresh,
        words_s=WORDS_S,
    )
    async with aclosing(events) as told:  # type: ignore[type-var]
        async for event in told:
            if isinstance(event, Done):
                services.tracer.record(
                    event.answer,
                    user_pseudonym=pseudonym(caller.user.id, services.settings),
                    thread_id=None,
                    run_id=None,
                )
            yield event


async def _last(events: AsyncGenerator[Event, None]) -> Done | Failed:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Done | Failed):
                return event
    raise RuntimeError("a question came to no end")


def _failure(event: Failed, language: Language) -> Problem:
    """A question that failed as problem details: what may work later is 503."""
    if event.key in ("answer.question_empty", "answer.question_too_long"):
        return Problem(422, event.key, language, values=event.values)
    return Problem(503 if event.retryable else 500, event.key, language, values=event.values)


# --- as server-sent events -----------------------------------------------------------------------


async def _as_stream(
    events: AsyncGenerator[Event, None], language: Language, traced: bool
) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(events):
            async for event in events:
                yield _sent(event, language, traced)
    except RagError as error:
        yield _line("failed", problem_body(problem_of(error, language)))
    except Exception:
        logger.exception("a question over the API failed")
        yield _line("failed", problem_body(plain_problem(500, language)))


def _sent(event: Event, language: Language, traced: bool) -> bytes:
    match event:
        case Status():
            return _line("status", _status(event, language))
        case Understood():
            return _line("status", {"status": "understood", "text": event.question})
        case Notices():
            return _line("notices", {"notices": _models(safety_notice, event.notices)})
        case Sources():
            return _line("sources", {"citations": _models(source, event.citations)})
        case Token():
            return _line("token", {"text": event.text})
        case Replaced():
            return _line("replaced", {"text": event.text})
        case Done():
            return _line("done", _answer(event.answer, traced))
        case Failed():
            return _line("failed", problem_body(_failure(event, language)))


def _status(event: Status, language: Language) -> dict[str, Any]:
    """What is happening, or which stage has just ended."""
    status = {"status": event.key.rpartition(".")[2]}
    if event.stage is not None:
        return {**status, "done": {"name": event.stage.name, "ms": round(event.stage.ms, 1)}}
    return {**status, "text": say(event.key, language, **event.values)}


def _answer(answer: Answer, traced: bool) -> dict[str, Any]:
    return answer_out(answer, traced=traced).model_dump(mode="json")


def _models(make: Callable[[Any], BaseModel], items: Sequence[Any]) -> list[dict[str, Any]]:
    return [make(item).model_dump(mode="json") for item in items]


def _line(name: str, data: dict[str, Any]) -> bytes:
    """One event; JSON has no line breaks of its own, so one ``data`` line is enough."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
