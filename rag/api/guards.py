"""What every request passes before it reaches a route. Pure ASGI: no body is held in memory."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.api.caller import request_language
from rag.api.problems import API, Problem, is_api, refuse

MEGABYTE = 1024 * 1024
UPLOADS = (
    ("POST", "/project/file"),
    ("POST", "/api/admin/drafts"),
    ("POST", f"{API}/manuals"),
)
FORM_BYTES = 64 * 1024
SMALL_BODY = MEGABYTE  # a question, a rating, a form
DRAIN = 20  # a refused upload is read on (and forgotten) up to this many times its limit

# The page of the chat adds the scripts that it needs (``shell``).
PAGE_POLICY = (
    "default-src 'self'; script-src 'self'{scripts}; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# Answers that are no page load nothing, whoever opens them by their address.
DATA_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_DATA = ("application/json", "application/problem+json", "text/plain", "image/")
# Chromium shows a PDF by a plug-in of its own, which `object-src 'none'` would forbid.
PDF_POLICY = "frame-ancestors 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Security headers on every answer, and ``Secure`` cookies where the address is https."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message), secure=scope["scheme"] == "https")
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def _add_headers(headers: MutableHeaders, *, secure: bool) -> None:
    kind = headers.get("content-type", "")
    policy = PAGE_POLICY.format(scripts="")
    if kind.startswith("application/pdf"):
        policy = PDF_POLICY
    elif kind.startswith(_DATA):
        policy = DATA_POLICY
    headers.setdefault("Content-Security-Policy", policy)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if secure:
        cookies = headers.getlist("set-cookie")
        del headers["set-cookie"]
        for cookie in cookies:
            marked = cookie if "secure" in cookie.lower() else f"{cookie}; Secure"
            headers.append("set-cookie", marked)


class SameOrigin:
    """Refuses what another site's page sends with a user's cookie: writing calls and sockets."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and _is_foreign(scope):
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            else:
                await refuse(scope, receive, send, 403, "error.foreign_origin")
            return
        await self.app(scope, receive, send)


def _is_foreign(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    harmless = ("GET", "HEAD") if is_api(scope) else ("GET", "HEAD", "OPTIONS")
    reads = scope["type"] == "http" and scope["method"] in harmless
    socket = scope["type"] == "websocket" or scope["path"].startswith("/ws/")
    if origin is None or (reads and not socket):
        return False
    return urlsplit(origin).netloc != headers.get("host", "")


class BodyLimit:
    """Refuses a body over its limit by what its header says, or while it comes in."""

    def __init__(self, app: ASGIApp, max_upload_mb: int) -> None:
        self.app = app
        self.max_upload_mb = max_upload_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        upload = (scope["method"], scope["path"]) in UPLOADS
        # A form around the file adds a little to its size.
        limit = self.max_upload_mb * MEGABYTE + FORM_BYTES if upload else SMALL_BODY
        announced = Headers(scope=scope).get("content-length", "0")
        is_number = announced.isascii() and announced.isdigit()
        size = int(announced) if is_number else limit * DRAIN + 1
        if upload and limit < size <= limit * DRAIN:
            # The route reads it to its end without keeping anything: a browser shows the answer
            # only when it could send all.
            await self.app(scope, receive, send)
            return
        if size > limit:
            await self._refuse(scope, receive, send, upload)
            return
        await self.app(scope, self._counting(scope, receive, limit, upload), send)

    def _counting(self, scope: Scope, receive: Receive, limit: int, upload: bool) -> Receive:
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                language = request_language(Headers(scope=scope))
                values = {"limit": self.max_upload_mb}
                raise Problem(413, self._key(upload), language, values=values)
            return message

        return receive_counted

    def _key(self, upload: bool) -> str:
        return "error.upload_too_large" if upload else "error.request_too_large"

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, upload: bool) -> None:
        headers = {"Connection": "close"}
        values = {"limit": self.max_upload_mb}
        await refuse(scope, receive, send, 413, self._key(upload), values=values, headers=headers)


class HeadIsGet:
    """``HEAD`` is answered as ``GET`` without the body, by whichever route: what watches over a
    service asks so, and FastAPI's routes would refuse it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"}, receive, send_head)


class UiLanguage:
    """Chainlit's page comes in German for German browsers and in English for all others."""

    PATHS = ("/project/translations", "/project/settings")

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in self.PATHS:
            scope = dict(scope)
            scope["query_string"] = _with_known_language(scope)
        await self.app(scope, receive, send)


def _with_known_language(scope: MutableMapping[str, Any]) -> bytes:
    values = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    wanted = values.get("language", "")
    values["language"] = "de-DE" if wanted.lower().startswith("de") else "en-US"
    return urlencode(values).encode("latin-1")
