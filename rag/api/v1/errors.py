"""Whatever goes wrong under ``/api/v1`` comes out as problem details, and in the log in full."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.api.caller import request_language
from rag.api.problems import Problem, plain_problem, problem_response, tell, tell_of_store
from rag.errors import RagError
from rag.messages import say
from rag.types import Language

logger = logging.getLogger(__name__)
MOST_ERRORS = 20

# Pydantic's kinds of errors and what we say of them; everything else is "not possible here".
_TYPES = {"string": "string", "int": "integer", "float": "number", "list": "array"}
_TYPES |= {"bool": "boolean", "dict": "object", "model": "object", "model_attributes": "object"}
_LIMITS = {"max_length": "too_long", "le": "too_long", "min_length": "too_short"}
_LIMITS |= {"ge": "too_short"}


def handle_errors(app: FastAPI) -> None:
    """Teaches ``app`` to say it our way."""

    app.exception_handler(RagError)(tell)
    app.exception_handler(SQLAlchemyError)(tell_of_store)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        problem = error
        if not isinstance(problem, Problem):
            problem = plain_problem(error.status_code, request_language(request.headers))
            if error.status_code == 405:
                problem.headers = {"Allow": ", ".join(_methods(app, request))}
        return problem_response(problem)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(_validation(error, request_language(request.headers)))


class LastResort:
    """500 for what nobody expected. The caller gets the request's id, the log gets the rest."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except ClientDisconnect:
            logger.info("a caller left before its request was complete")
        except Exception:
            if scope["type"] != "http":
                raise
            logger.exception("a request to the API failed")
            if not started:
                language = request_language(Request(scope).headers)
                response: Response = problem_response(plain_problem(500, language))
                await response(scope, receive, send)


def _methods(app: FastAPI, request: Request) -> list[str]:
    """All methods of the address, of whichever route."""
    methods: set[str] = set()
    for route in app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return sorted(methods)


def _validation(error: RequestValidationError, language: Language) -> Problem:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return Problem(400, "error.body_not_json", language)
    errors = [(_pointer(one["loc"]), _what(one, language)) for one in found[:MOST_ERRORS]]
    return Problem(422, "problem.422.detail", language, errors=errors)


def _pointer(place: tuple[Any, ...]) -> str:
    """A JSON pointer (RFC 6901) into the body as a URI fragment, or the parameter's name."""
    if place and place[0] == "body":
        parts = [str(part).replace("~", "~0").replace("/", "~1") for part in place[1:]]
        return "#" + "".join(f"/{part[:60]}" for part in parts)
    return "/".join(str(part) for part in place)


def _what(error: Mapping[str, Any], language: Language) -> str:
    """What is wrong, in our words: Pydantic's are English, and quote what was sent."""
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "missing":
        return say("value.missing", language)
    if kind == "extra_forbidden":
        return say("value.unknown", language)
    if kind in ("literal_error", "enum"):
        return say("value.choice", language, choices=context["expected"])
    for name, message in _LIMITS.items():
        if name in context:
            return say(f"value.{message}", language, limit=context[name])
    for end in ("_type", "_parsing"):
        if kind.removesuffix(end) in _TYPES:
            return say("value.type", language, wanted=_TYPES[kind.removesuffix(end)])
    return say("value.wrong", language)
