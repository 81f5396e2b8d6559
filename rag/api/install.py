"""Puts our routes and guards in front of Chainlit's, and takes away what nobody needs."""

from __future__ import annotations

import re

from chainlit.config import config
from chainlit.server import app, router
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.routing import Mount

from rag.api.caller import request_language
from rag.api.deadlines import BodyDeadline
from rag.api.feedback import feedback_routes
from rag.api.guards import BodyLimit, HeadIsGet, SameOrigin, SecurityHeaders, UiLanguage
from rag.api.key_routes import key_routes
from rag.api.manual_routes import admin_routes
from rag.api.model_routes import model_routes
from rag.api.operations import operation_routes
from rag.api.problems import API, Problem, plain_problem, problem_response, tell, tell_of_store
from rag.api.proxies import TrustedProxies
from rag.api.request_id import RequestId
from rag.api.session_guard import SessionGuard
from rag.api.session_routes import session_routes
from rag.api.shell import serve_shell
from rag.api.v1.app import create_api
from rag.chat.door import Door
from rag.errors import RagError
from rag.observe.metrics import CountRequests

# What Chainlit offers beyond a chat with a password: sharing, other log-ins, tools of other
# servers, a widget for other pages, writing elements by hand, and its page for every path.
_CLOSED = (
    "/auth/jwt",
    "/auth/header",
    "/auth/oauth",
    "/copilot",
    "/feedback",
    "/health",
    "/login",
    "/logout",
    "/mcp",
    "/project/action",
    "/project/element",
    "/project/file",
    "/project/share",
    "/project/thread/share",
    "/set-session-cookie",
    "/{full_path:path}",
)
_DOCUMENTATION = ("/docs", "/redoc", "/openapi.json")


def install(door: Door) -> None:
    """Once for each process; a second call changes nothing."""
    if getattr(app.state, "millwright", False):
        return
    app.state.millwright = True
    settings = door.services.settings
    router.routes[:] = [route for route in router.routes if not _is(route, _CLOSED)]
    app.router.routes[:] = [route for route in app.router.routes if not _is(route, _DOCUMENTATION)]
    count = len(app.router.routes)
    app.router.routes.append(_whole(Mount(API, create_api(door))))
    app.include_router(admin_routes(door))
    app.include_router(key_routes(door))
    app.include_router(model_routes(door))
    config.project.user_session_timeout = int(settings.session_hours * 3600)
    app.include_router(
        session_routes(door.accounts, door.sessions, door.logins, settings.max_upload_mb)
    )
    app.include_router(feedback_routes(door.accounts, door.services.tracer, settings))
    app.include_router(operation_routes(door))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.exception_handler(RagError)(tell)
    app.exception_handler(SQLAlchemyError)(tell_of_store)
    app.include_router(_nothing_else())
    added = app.router.routes[count:]
    app.router.routes[:] = [*added, *app.router.routes[:count]]
    app.add_api_route("/{path:path}", serve_shell, methods=["GET"], include_in_schema=False)
    # The last one added is the first one passed.
    app.add_middleware(HeadIsGet)
    app.add_middleware(UiLanguage)
    app.add_middleware(BodyLimit, max_upload_mb=settings.max_upload_mb)
    app.add_middleware(BodyDeadline)
    app.add_middleware(SessionGuard, sessions=door.sessions)
    app.add_middleware(SameOrigin)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(CountRequests)
    app.add_middleware(TrustedProxies, trusted=settings.trusted_proxies)
    app.add_middleware(RequestId)


async def _invalid(request: Request, _: Exception) -> Response:
    """Says that it is wrong, and nothing of it: FastAPI's own sends back what came, passwords too,
    and fails on what is no text."""
    return problem_response(Problem(422, "problem.422.detail", request_language(request.headers)))


def _whole(mount: Mount) -> Mount:
    """For every path below it: Starlette's pattern stops at a line break (%0A)."""
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def _is(route: object, prefixes: tuple[str, ...]) -> bool:
    path = str(getattr(route, "path", ""))
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def _nothing_else() -> APIRouter:
    """Unknown paths under ``/api`` are 404, not Chainlit's page."""
    nothing = APIRouter(include_in_schema=False)

    @nothing.api_route("/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def not_found(request: Request) -> Response:
        return problem_response(plain_problem(404, request_language(request.headers)))

    return nothing
