"""Who calls, and in which language: told by cookie and database, never by the page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import jwt
from chainlit.auth import decode_jwt, get_token_from_cookies
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rag.access.accounts import Accounts
from rag.access.roles import require
from rag.errors import NotAllowed
from rag.messages import say
from rag.types import Language, Role, User


def request_language(headers: Mapping[str, str]) -> Language:
    """The browser's first language: German, or else English."""
    return language_of(headers.get("accept-language", ""))


def language_of(tags: str) -> Language:
    """``"de"`` when the first language tag of ``tags`` ("de-AT,de;q=0.9") is German."""
    return "de" if re.match(r"\s*de\b", tags, re.IGNORECASE) else "en"


async def caller(request: Request, accounts: Accounts) -> User | None:
    """The user of the session cookie as the database knows them now; None when there is none."""
    token = get_token_from_cookies(request.cookies)
    if not token:
        return None
    try:
        name = decode_jwt(token).identifier
    except jwt.InvalidTokenError:
        return None
    return await asyncio.to_thread(accounts.find, name)


async def required(request: Request, accounts: Accounts, *roles: Role) -> User:
    """The caller, when of one of ``roles`` (none named: any). Raises 401 or 403."""
    user = await caller(request, accounts)
    try:
        return require(user, *roles)
    except NotAllowed as error:
        language = request_language(request.headers)
        status = 401 if user is None else 403
        raise HTTPException(status, say(error.key, language, **error.values)) from error
