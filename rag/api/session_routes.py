"""Chainlit's routes for log-in and uploads, replaced: its own are not careful enough."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from pathlib import Path
from typing import Annotated, Any

from chainlit.auth import clear_auth_cookie, get_token_from_cookies, set_auth_cookie
from chainlit.data import get_data_layer
from chainlit.server import call_action
from chainlit.session import WebsocketSession
from chainlit.types import CallActionRequest
from chainlit.user import User as ChainlitUser
from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from rag.access.accounts import Accounts
from rag.access.login_limit import LoginLimit
from rag.access.sessions import Sessions
from rag.api.caller import request_language, required
from rag.api.guards import FORM_BYTES, MEGABYTE
from rag.api.session_guard import close_ended_sockets, session_of, signed_token
from rag.messages import say
from rag.observe.metrics import LOGINS
from rag.types import Role


class ChatSession(BaseModel):
    """The id that the page has given its chat."""

    session_id: uuid.UUID


def session_routes(
    accounts: Accounts, sessions: Sessions, logins: LoginLimit, max_upload_mb: int
) -> APIRouter:
    """``POST /login``, ``/logout``, ``/set-session-cookie``, ``/project/action`` and
    ``/project/file``."""
    router = APIRouter()

    @router.post("/login")
    async def log_in(
        request: Request, username: Annotated[str, Form()], password: Annotated[str, Form()]
    ) -> JSONResponse:
        language = request_language(request.headers)
        address = request.client.host if request.client else ""
        wait = await asyncio.to_thread(logins.attempt, username, address)
        if wait > 0:
            LOGINS.labels("slowed_down").inc()
            detail = say("error.too_many_logins", language, seconds=wait)
            raise HTTPException(429, detail, headers={"Retry-After": str(wait)})
        user = await asyncio.to_thread(accounts.verify, username, password)
        LOGINS.labels("ok" if user else "wrong").inc()
        if user is None:
            raise HTTPException(401, "credentialssignin")
        await asyncio.to_thread(logins.succeeded, username, address)
        known = ChainlitUser(identifier=user.name, metadata={"role": user.role.value})
        await get_data_layer().create_user(known)
        # A log-in on top of another one takes its place: the old cookie is worth nothing then.
        await end_session(request)
        session = await asyncio.to_thread(sessions.begin, user)
        response = JSONResponse({"success": True})
        set_auth_cookie(request, response, signed_token(user.name, session))
        return response

    @router.post("/logout")
    async def log_out(request: Request) -> JSONResponse:
        await end_session(request)
        response = JSONResponse({"success": True})
        clear_auth_cookie(request, response)
        return response

    @router.post("/set-session-cookie")
    async def name_chat(request: Request, chat: ChatSession) -> JSONResponse:
        """For a proxy that keeps a chat with one process. Chainlit's own would take any text and
        send it across sites."""
        response = JSONResponse({"message": "Session cookie set"})
        response.set_cookie(
            "X-Chainlit-Session-id", str(chat.session_id), httponly=True, samesite="lax"
        )
        return response

    @router.post("/project/action")
    async def act(request: Request, wanted: CallActionRequest) -> Any:
        """Chainlit's own, once it is sure that the chat is there and the caller's."""
        user = await required(request, accounts)
        chat = WebsocketSession.get_by_id(wanted.sessionId)
        if chat is None or chat.user is None or chat.user.identifier != user.name:
            raise HTTPException(403, say("error.not_yours", request_language(request.headers)))
        return await call_action(wanted, chat.user)

    async def end_session(request: Request) -> None:
        if session := session_of(get_token_from_cookies(request.cookies)):
            await asyncio.to_thread(sessions.end, session)
            await close_ended_sockets(sessions)

    @router.post("/project/file")
    async def receive_file(
        request: Request, session_id: str, ask_parent_id: str = ""
    ) -> JSONResponse:
        """Takes a file that ``/upload`` asked for, from an admin, straight to disk."""
        user = await required(request, accounts, Role.ADMIN)
        language = request_language(request.headers)
        session = WebsocketSession.get_by_id(session_id)
        if session is None or session.user is None or session.user.identifier != user.name:
            raise HTTPException(403, say("error.not_yours", language))
        if ask_parent_id not in session.files_spec:
            raise HTTPException(409, say("error.not_expected", language))
        size = int(request.headers.get("content-length", 0))
        if size > max_upload_mb * MEGABYTE + FORM_BYTES:
            async for _ in request.stream():
                pass
            return JSONResponse(_note(session, Path(os.devnull), "", size))
        async with request.form(max_files=1) as form:
            upload = form.get("file")
            if not isinstance(upload, UploadFile) or not upload.filename:
                raise HTTPException(400, say("error.not_expected", language))
            return JSONResponse(await asyncio.to_thread(_keep, session, upload))

    return router


def _keep(session: WebsocketSession, upload: UploadFile) -> dict[str, str]:
    """Copy the spooled file into the session's folder, a piece at a time."""
    folder = Path(session.files_dir)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4()}.pdf"
    with path.open("wb") as target:
        shutil.copyfileobj(upload.file, target, MEGABYTE)
    return _note(session, path, upload.filename or "", path.stat().st_size)


def _note(session: WebsocketSession, path: Path, name: str, size: int) -> dict[str, str]:
    """Tell the session of its file, as Chainlit does. One that is too large is only noted: the
    command that waits for it then says so."""
    file_id = str(uuid.uuid4())
    session.files[file_id] = {
        "id": file_id,
        "path": path,
        "name": Path(name).name,
        "type": "application/pdf",
        "size": size,
    }
    return {"id": file_id}
