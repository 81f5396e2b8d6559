"""Who may call an operation of the API: decided before anything of the body is read.

A script shows its key. The session cookie of the chat opens nothing but what its page shows
(pictures of pages, files of manuals, this documentation): another site's page could make a browser
send it, and nothing under ``/api/v1`` that writes or costs something may be set off that way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from rag.access.api_keys import ApiKey, ApiKeys, ApiScope
from rag.api.caller import caller, request_language
from rag.api.problems import Problem
from rag.chat.door import Door
from rag.messages import say
from rag.types import Language, User

KEY_HEADER = "X-API-Key"
JSON = "application/json"
_CHALLENGE = {"WWW-Authenticate": 'ApiKey realm="Millwright", header="X-API-Key"'}
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Access:
    """What an operation asks for: one of ``scopes`` (none: any key), or a ``session``."""

    scopes: frozenset[ApiScope]
    session: bool = False
    content: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a key's or an account's user."""

    user: User
    language: Language


def needs(
    *scopes: ApiScope, session: bool = False, content: str = ""
) -> Callable[[_Endpoint], _Endpoint]:
    """Marks a route's function; ``content`` is the only type of body that it takes."""

    def mark(endpoint: _Endpoint) -> _Endpoint:
        endpoint.access = Access(frozenset(scopes), session, content)  # type: ignore[attr-defined]
        return endpoint

    return mark


def guarded_route(door: Door) -> type[APIRoute]:
    """The class of routes that ask who calls first. A route without ``needs`` cannot be made."""

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()
            access: Access = self.endpoint.access  # type: ignore[attr-defined]
            known = {parameter.alias for parameter in self.dependant.query_params}

            async def handle(request: Request) -> Response:
                request.state.caller = await _admit(request, access, door)
                _check_parameters(request, known)
                _check_content(request, access)
                return await handler(request)

            return handle

    return GuardedRoute


def caller_of(request: Request) -> Caller:
    """Who was let in."""
    found: Caller = request.state.caller
    return found


async def key_of(request: Request, keys: ApiKeys, *scopes: ApiScope) -> ApiKey | None:
    """The key that the request shows; None when it shows none.

    Raises ``Problem``: 401 when it is no key (any more), 403 when it may not do this.
    """
    token = request.headers.get(KEY_HEADER)
    if token is None:
        return None
    language = request_language(request.headers)
    key = await asyncio.to_thread(keys.find, token)
    if key is None:
        raise Problem(401, "error.key_wrong", language, headers=_CHALLENGE)
    if key.state != "active":
        raise Problem(401, f"error.key_{key.state}", language, headers=_CHALLENGE)
    if scopes and not key.scopes.intersection(scopes):
        values = {"scopes": " / ".join(sorted(scopes))}
        raise Problem(403, "error.key_scope", language, values=values)
    return key


async def _admit(request: Request, access: Access, door: Door) -> Caller:
    language = request_language(request.headers)
    key = await key_of(request, door.keys, *access.scopes)
    user = key.user if key else None
    if user is None and access.session:
        user = await caller(request, door.accounts)
    if user is None:
        raise Problem(401, "error.key_needed", language, headers=_CHALLENGE)
    return Caller(user, language)


def _check_parameters(request: Request, known: set[str]) -> None:
    """A parameter with a typing error in its name would go unnoticed otherwise."""
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        language = request_language(request.headers)
        what = say("value.unknown", language)
        errors = [(f"query/{name[:60]}", what) for name in unknown[:20]]
        raise Problem(422, "problem.422.detail", language, errors=errors)


def _check_content(request: Request, access: Access) -> None:
    if not access.content:
        return
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != access.content:
        language = request_language(request.headers)
        values = {"wanted": access.content}
        raise Problem(415, "error.content_type", language, values=values)
