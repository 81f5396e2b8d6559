"""A copied cookie is worth nothing after its session has ended; the page cannot tell otherwise."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from evals.chat_client import ChatClient
from rag.access.accounts import Accounts
from rag.settings import Settings
from rag.store.database import open_database
from rag.types import Role
from tests.served import PROJECT, Service

pytestmark = pytest.mark.slow
MINE = "/api/v1/manuals"
HISTORY = {"pagination": {"first": 5}, "filter": {}}


def command(service: Service, *arguments: str) -> None:
    """``python -m rag.access``, beside the running service."""
    subprocess.run(
        [sys.executable, "-m", "rag.access", *arguments],
        cwd=PROJECT,
        env={**os.environ, "DATA_DIR": str(service.data_dir)},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture
def somebody(operated: Service, request: pytest.FixtureRequest) -> tuple[str, str]:
    """The name and password of an account for this test alone."""
    account = f"somebody-{abs(hash(request.node.name)) % 10**8}", "a password for a test"
    engine = open_database(Settings(data_dir=operated.data_dir))
    Accounts(engine).create(*account, Role.TECHNICIAN)
    engine.dispose()
    return account


@pytest.fixture
async def http(operated: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=operated.address, timeout=30) as client:
        yield client


async def log_in(http: httpx.AsyncClient, account: tuple[str, str]) -> str:
    answer = await http.post("/login", data={"username": account[0], "password": account[1]})
    assert answer.status_code == 200
    return http.cookies["access_token"]


async def history(http: httpx.AsyncClient, cookie: str, **headers: str) -> int:
    """The status of asking for one's conversations with this cookie by hand."""
    http.cookies.clear()
    cookies = {"Cookie": f"access_token={cookie}"} if cookie else {}
    answer = await http.post("/project/threads", json=HISTORY, headers={**cookies, **headers})
    return answer.status_code


async def test_logging_out_ends_the_session_not_only_the_cookie(
    http: httpx.AsyncClient, somebody: tuple[str, str]
) -> None:
    copied = await log_in(http, somebody)
    assert await history(http, copied) == 200
    answer = await http.post("/logout", headers={"Cookie": f"access_token={copied}"})
    assert 'access_token=""' in answer.headers["set-cookie"]
    assert await history(http, copied) == 401
    assert await history(http, "", Authorization=f"Bearer {copied}") == 401


async def test_a_bearer_is_no_log_in(http: httpx.AsyncClient, somebody: tuple[str, str]) -> None:
    """Chainlit would take the cookie's token from there, past every rule for cookies."""
    token = await log_in(http, somebody)
    assert await history(http, token) == 200
    assert await history(http, "", Authorization=f"Bearer {token}") == 401


async def test_a_new_log_in_takes_the_place_of_the_old_one(
    http: httpx.AsyncClient, somebody: tuple[str, str]
) -> None:
    old = await log_in(http, somebody)
    new = await log_in(http, somebody)
    assert await history(http, old) == 401
    assert await history(http, new) == 200


@pytest.mark.parametrize("change", ["password", "disable"])
async def test_other_log_ins_end_at_once_also_those_of_open_sockets(
    operated: Service, http: httpx.AsyncClient, somebody: tuple[str, str], change: str
) -> None:
    copied = await log_in(http, somebody)
    async with ChatClient(operated.address, *somebody) as chat:
        closed = asyncio.Event()
        chat._socket.on("disconnect", lambda *_: closed.set())
        assert (await chat.ask("Was bedeutet E-104?")).text
        await asyncio.to_thread(command, operated, change, somebody[0])
        assert await history(http, copied) == 401
        # A question on the open socket is refused even before the socket is closed.
        elements: list[dict[str, Any]] = []
        chat._socket.on("element", elements.append)
        await chat._socket.emit("client_message", {"message": a_question(), "fileReferences": []})
        async with asyncio.timeout(30):
            await closed.wait()
        assert not any(element["name"] == "Sources" for element in elements)


def a_question() -> dict[str, Any]:
    return {
        "id": "5f1c2c9e-0000-4000-8000-000000000001",
        "threadId": "",
        "name": "x",
        "type": "user_message",
        "output": "Was bedeutet E-104?",
        "createdAt": "2026-11-22T12:00:00Z",
    }


async def test_a_log_in_lasts_as_long_as_the_setting_says(
    http: httpx.AsyncClient, somebody: tuple[str, str]
) -> None:
    answer = await http.post("/login", data={"username": somebody[0], "password": somebody[1]})
    cookie = answer.headers["set-cookie"].lower()
    assert "max-age=43200" in cookie
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie


async def test_cookies_are_secure_behind_a_proxy_that_is_named(
    operated: Service, somebody: tuple[str, str]
) -> None:
    account = {"username": somebody[0], "password": somebody[1]}
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    for address, secure in (("127.0.0.2", True), ("127.0.0.3", False)):
        transport = httpx.AsyncHTTPTransport(local_address=address)
        async with httpx.AsyncClient(transport=transport, base_url=operated.address) as http:
            answer = await http.post("/login", data=account, headers=told)
        assert ("; secure" in answer.headers["set-cookie"].lower()) == secure


async def test_the_name_of_a_chat_is_an_id_and_stays_on_this_site(http: httpx.AsyncClient) -> None:
    chat = "00000000-0000-4000-8000-000000000000"
    answer = await http.post("/set-session-cookie", json={"session_id": chat})
    cookie = answer.headers["set-cookie"].lower()
    assert chat in cookie
    assert "samesite=lax" in cookie
    for body in ({"session_id": "a; Domain=example.com"}, {}, []):
        assert (await http.post("/set-session-cookie", json=body)).status_code == 422


async def test_no_other_site_is_let_in_by_cors(http: httpx.AsyncClient) -> None:
    foreign = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for method, path in (("OPTIONS", "/project/threads"), ("OPTIONS", MINE), ("GET", "/health")):
        answer = await http.request(method, path, headers=foreign)
        assert "access-control-allow-origin" not in answer.headers
