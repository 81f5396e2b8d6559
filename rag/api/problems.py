"""What a script is told when something is wrong: problem details (RFC 9457), in its language.

Texts come from ``rag/messages`` only; nothing of an exception's own words gets out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from rag.access.rate_limit import TooMany
from rag.api.caller import request_language
from rag.api.request_id import current_request_id
from rag.errors import BadFile, LanguageModelDown, NotAllowed, RagError, StoreDown
from rag.messages import catalogue, say
from rag.types import Language

logger = logging.getLogger(__name__)
API = "/api/v1"
MEDIA_TYPE = "application/problem+json"
_TITLE = "problem.{status}.title"
_DETAIL = "problem.{status}.detail"
_NOT_FOUND = {f"error.{what}_unknown" for what in ("manual", "job", "draft", "answer", "key")}
_NOT_FOUND |= {"error.glossary_unknown", "error.not_found"}
_STATUS = {"error.upload_too_large": 413, "error.date_wrong": 422}


class Problem(HTTPException):
    """An error with a message's key. ``errors`` are (JSON pointer, what is wrong there)."""

    def __init__(
        self,
        status: int,
        key: str,
        language: Language,
        *,
        values: Mapping[str, object] = {},
        headers: Mapping[str, str] | None = None,
        errors: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(status, say(key, language, **values), dict(headers or {}))
        self.key = key
        self.language = language
        self.errors = errors


def problem_of(error: RagError, language: Language) -> Problem:
    """An error of ours as the answer to a request."""
    headers = {"Retry-After": str(error.seconds)} if isinstance(error, TooMany) else None
    return Problem(status_of(error), error.key, language, values=error.values, headers=headers)


def status_of(error: RagError) -> int:
    """The HTTP status that says the same as the error."""
    if error.key in _NOT_FOUND:
        return 404
    if error.key in _STATUS:
        return _STATUS[error.key]
    kinds = {TooMany: 429, BadFile: 422, NotAllowed: 403, StoreDown: 503, LanguageModelDown: 503}
    return next((status for kind, status in kinds.items() if isinstance(error, kind)), 409)


async def tell(request: Request, error: RagError) -> JSONResponse:
    """For FastAPI: what to answer when a route raises an error of ours."""
    return problem_response(problem_of(error, request_language(request.headers)))


async def tell_of_store(request: Request, error: SQLAlchemyError) -> JSONResponse:
    """For FastAPI: the database failed, whatever it was asked. Its own words go to the log."""
    logger.error("the database failed: %s", error)
    return await tell(request, StoreDown("answer.store_down", retryable=True))


def plain_problem(status: int, language: Language) -> Problem:
    """A problem of which no more is known than its status."""
    key = _DETAIL.format(status=status)
    return Problem(status, key if key in catalogue() else _DETAIL.format(status=400), language)


def problem_body(problem: Problem) -> dict[str, Any]:
    """The members of the answer's body."""
    status, language = problem.status_code, problem.language
    title = _TITLE.format(status=status)
    known = title in catalogue()
    body: dict[str, Any] = {
        "type": f"{API}/docs#problem-{status}",
        "title": say(title, language) if known else HTTPStatus(status).phrase,
        "status": status,
        "detail": problem.detail,
        "code": _code(problem),
        "request_id": current_request_id(),
    }
    if problem.errors:
        body["errors"] = [{"pointer": where, "detail": what} for where, what in problem.errors]
    return body


def problem_response(problem: Problem) -> JSONResponse:
    """The problem as an answer that no cache keeps."""
    headers = {"Cache-Control": "no-store", **(problem.headers or {})}
    body = problem_body(problem)
    return JSONResponse(body, problem.status_code, headers=headers, media_type=MEDIA_TYPE)


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    key: str,
    *,
    values: Mapping[str, object] = {},
    headers: Mapping[str, str] | None = None,
) -> None:
    """A guard's answer: problem details for the API, Chainlit's form for its page."""
    language = request_language(Headers(scope=scope))
    problem = Problem(status, key, language, values=values, headers=headers)
    if is_api(scope):
        response = problem_response(problem)
    else:
        response = JSONResponse({"detail": problem.detail}, status, headers=problem.headers)
    await response(scope, receive, send)


def is_api(scope: Scope) -> bool:
    """Whether a script calls: everything under ``/api/v1``."""
    path = str(scope["path"])
    return path == API or path.startswith(f"{API}/")


def _code(problem: Problem) -> str:
    """A word that a script can compare: "manual_unknown"; the status's own when there is none."""
    if problem.key.startswith("problem."):
        return HTTPStatus(problem.status_code).phrase.lower().replace(" ", "_")
    return problem.key.rpartition(".")[2]
