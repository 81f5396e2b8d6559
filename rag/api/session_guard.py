"""Cookies of sessions that have ended count for nothing, over HTTP and on open sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import jwt
from chainlit.auth import decode_jwt, get_jwt_secret, get_token_from_cookies
from chainlit.config import config
from chainlit.server import sio
from chainlit.session import WebsocketSession, ws_sessions_id
from chainlit.user import User as ChainlitUser
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.access.sessions import Sessions

logger = logging.getLogger(__name__)

COOKIE = "access_token"
SOCKETS_EVERY_S = 5.0
# The page's own files are for everybody.
_PUBLIC = ("/assets/", "/public/", "/favicon", "/logo", "/avatars/", "/health", "/ready")
_KEY = "mw_"  # an API key, which Prometheus sends as a bearer


def session_of(token: str | None) -> str:
    """The session that a signed token names; empty for a token that is none of ours."""
    try:
        metadata = decode_jwt(token).metadata if token else {}
    except (jwt.InvalidTokenError, TypeError, KeyError):
        return ""
    return str(metadata.get("session", ""))


def signed_token(name: str, session: str) -> str:
    """What the cookie holds: Chainlit's own token but for the moment of issue, which would lie in
    the future after the clock was set back, and log everybody out."""
    user = ChainlitUser(identifier=name, metadata={"session": session})
    life = timedelta(seconds=config.project.user_session_timeout)
    claims = {**user.to_dict(), "exp": datetime.now(UTC) + life}
    return jwt.encode(claims, get_jwt_secret(), algorithm="HS256")


class SessionGuard:
    """Takes the cookie of an ended session out of the request: nobody is logged in, then.

    Chainlit also believes a token in the Authorization header, which no page of ours sends: it
    goes, too. What remains is told apart by each route as before.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self.app = app
        self.sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not scope["path"].startswith(_PUBLIC):
            headers = Headers(scope=scope)
            cookies = cookie_parser(headers.get("cookie", ""))
            token = get_token_from_cookies(cookies)
            ended = token is not None and not await self._holds(token)
            bearer = headers.get("authorization", "").lower().startswith("bearer")
            if ended or bearer:
                kept = list(_kept(scope["headers"], without_cookie=ended))
                scope = {**scope, "headers": kept}
        await self.app(scope, receive, send)

    async def _holds(self, token: str) -> bool:
        session = session_of(token)
        return bool(session) and await asyncio.to_thread(self.sessions.user_of, session) is not None


def _kept(
    headers: Iterable[tuple[bytes, bytes]], *, without_cookie: bool
) -> Iterable[tuple[bytes, bytes]]:
    for name, value in headers:
        if name == b"authorization" and not value.split(b" ")[-1].startswith(_KEY.encode()):
            continue
        if name == b"cookie" and without_cookie:
            pairs = value.decode("latin-1").split(";")
            others = [pair for pair in pairs if not pair.strip().startswith(COOKIE)]
            value = ";".join(others).encode("latin-1")
        yield name, value


def session_of_chat(chat: WebsocketSession) -> str:
    """The session of an open chat, by the cookie that its socket came with the last time."""
    cookies = cookie_parser((chat.environ or {}).get("HTTP_COOKIE", ""))
    return session_of(get_token_from_cookies(cookies))


async def close_ended_sockets(sessions: Sessions) -> int:
    """Disconnect chats whose session has ended; returns how many."""
    chats = [(chat, session_of_chat(chat)) for chat in list(ws_sessions_id.values())]
    ids = {session for _, session in chats}
    valid = await asyncio.to_thread(sessions.valid, ids) if ids else set()
    ended = [chat for chat, session in chats if session not in valid]
    for chat in ended:
        if chat.current_task:
            chat.current_task.cancel()
        chat.to_clear = True  # nothing is to be resumed
        await sio.disconnect(chat.socket_id)
        if chat.id in ws_sessions_id:  # its socket was gone before
            await chat.delete()
    return len(ended)


async def watch_sockets(sessions: Sessions) -> None:
    """For as long as the service runs: an account may be disabled by a command beside it."""
    while True:
        await asyncio.sleep(SOCKETS_EVERY_S)
        try:
            if closed := await close_ended_sockets(sessions):
                logger.info("closed %d chats whose log-in has ended", closed)
        except Exception:
            logger.exception("open chats could not be checked")
