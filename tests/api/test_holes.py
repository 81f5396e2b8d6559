"""The holes that Chainlit leaves, each closed on the server. What each test closes:

| hole, as it was tried by hand | closed by |
|---|---|
| ratings of others can be changed and taken back | ``test_ratings_of_others`` |
| conversations of others: read, renamed, deleted, resumed | ``test_conversations_of_others`` |
| an admin's command typed by a technician | ``test_an_admins_commands``, and ``test_forged`` |
| a chat profile that was not offered | ``test_a_profile_that_was_not_offered`` |
| actions on somebody else's chat, or on none | ``test_actions_on_other_chats`` |
| a conversation opened to everybody by its metadata | ``test_nothing_is_shared`` |
| bytes of a program passed as a manual | ``test_forged``, ``tests/ingest/test_broken_files`` |
| passwords guessed, 50 in a moment | ``test_forged`` |
| uploads read into memory before their size is looked at | ``test_forged``, ``test_guards`` |
| cookies that outlive logout, password and account; not Secure | ``test_sessions`` |
| a token in a header instead of the cookie | ``test_sessions`` |
| other sites using a user's cookie, CORS | ``test_forged``, ``test_sessions`` |
| sharing, other log-ins, tools of other servers, elements written by hand | ``test_forged`` |
| requests that end in an internal error | ``test_bad_requests_are_refused_not_failed`` |
"""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import socketio

from evals.chat_client import ChatClient
from tests.served import Service

pytestmark = pytest.mark.slow
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def technician(operated: Service) -> AsyncIterator[ChatClient]:
    async with ChatClient(
        operated.address, "technician", operated.passwords["technician"]
    ) as client:
        yield client


@pytest.fixture
async def qa(operated: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody else, who is logged in."""
    async with httpx.AsyncClient(base_url=operated.address, timeout=30) as http:
        account = {"username": "qa", "password": operated.passwords["qa"]}
        assert (await http.post("/login", data=account)).status_code == 200
        yield http


async def thread_of(client: ChatClient) -> str:
    answer = await client._http.post(
        "/project/threads", json={"pagination": {"first": 1}, "filter": {}}
    )
    return str(answer.json()["data"][0]["id"])


async def test_ratings_of_others(technician: ChatClient, qa: httpx.AsyncClient) -> None:
    reply = await technician.ask("Was bedeutet E-104?")
    assert reply.run_id is not None
    await technician.rate(reply.run_id, 1)
    down = {"feedback": {"forId": reply.run_id, "value": 0}}
    assert (await qa.put("/feedback", json=down)).status_code == 403
    taken = await qa.request("DELETE", "/feedback", json={"feedbackId": reply.run_id})
    assert taken.status_code == 403
    thread = await technician._http.get(f"/project/thread/{await thread_of(technician)}")
    ratings = [step["feedback"] for step in thread.json()["steps"] if step.get("feedback")]
    assert [rating["value"] for rating in ratings] == [1]


async def test_conversations_of_others(
    operated: Service, technician: ChatClient, qa: httpx.AsyncClient
) -> None:
    await technician.ask("Was bedeutet E-104?")
    thread = await thread_of(technician)
    renamed = {"threadId": thread, "name": "taken"}
    for answer in (
        await qa.get(f"/project/thread/{thread}"),
        await qa.put("/project/thread", json=renamed),
        await qa.request("DELETE", "/project/thread", json={"threadId": thread}),
        await qa.get(f"/project/thread/{thread}/element/{NOBODYS}"),
    ):
        assert answer.status_code in (401, 403, 404), answer.text
        assert "E-104" not in answer.text
    socket = socketio.AsyncClient(reconnection=False)
    cookie = f"access_token={qa.cookies['access_token']}"
    with pytest.raises(socketio.exceptions.ConnectionError):
        await socket.connect(
            operated.address,
            socketio_path="/ws/socket.io",
            transports=["websocket"],
            headers={"Cookie": cookie},
            auth={"sessionId": str(uuid.uuid4()), "threadId": thread, "clientType": "webapp"},
        )
    mine = await technician._http.get(f"/project/thread/{thread}")
    assert mine.json()["name"] == "Was bedeutet E-104?"


@pytest.mark.parametrize("typed", ["upload", "Manuals", "Handbücher", "manuals"])
async def test_an_admins_commands(technician: ChatClient, typed: str) -> None:
    elements: list[dict[str, Any]] = []
    technician._socket.on("element", elements.append)
    reply = await technician._send({"output": "x", "command": typed}, 30)
    assert not any(element["name"] == "Manuals" for element in elements)
    assert not any("upload" in str(step.get("type")) for step in reply.steps)


async def test_a_profile_that_was_not_offered(operated: Service) -> None:
    client = ChatClient(operated.address, "technician", operated.passwords["technician"])
    connect = client._socket.connect

    async def connect_as_admin(*arguments: Any, **named: Any) -> None:
        await connect(*arguments, **{**named, "auth": {**named["auth"], "chatProfile": "Admin"}})

    client._socket.connect = connect_as_admin  # what is sent is ours; the server is as it is
    commands: list[Any] = []
    client._socket.on("set_commands", commands.append)
    async with client:
        assert (await client.ask("Was bedeutet E-104?")).text
    assert commands == []


async def test_actions_on_other_chats(technician: ChatClient, qa: httpx.AsyncClient) -> None:
    action = {"name": "ask_again", "payload": {}, "id": "x", "label": ""}
    for chat in (technician.session_id, NOBODYS):
        answer = await qa.post("/project/action", json={"action": action, "sessionId": chat})
        assert answer.status_code in (401, 403)
    qa.cookies.clear()
    answer = await qa.post(
        "/project/action", json={"action": action, "sessionId": technician.session_id}
    )
    assert answer.status_code == 401


async def test_nothing_is_shared(technician: ChatClient, qa: httpx.AsyncClient) -> None:
    await technician.ask("Was bedeutet E-104?")
    thread = await thread_of(technician)
    shared = {"threadId": thread, "isShared": True}
    assert (await technician._http.put("/project/thread/share", json=shared)).status_code in (
        404,
        405,
    )
    answer = await qa.get(f"/project/share/{thread}")
    assert "millwright-texts" in answer.text  # the page, as for every path there is not
    assert "E-104" not in answer.text


BAD = [
    ("POST", "/project/action", {"json": {"action": {"name": "x"}, "sessionId": NOBODYS}}),
    ("POST", "/project/action", {"json": []}),
    ("POST", "/project/threads", {"json": {"pagination": {"first": -5}, "filter": {}}}),
    ("POST", "/project/threads", {"json": {"pagination": {"first": 10**30}, "filter": {}}}),
    (
        "POST",
        "/project/threads",
        {"json": {"pagination": {"first": 1, "cursor": "'"}, "filter": {}}},
    ),
    ("POST", "/project/threads", {"content": b"\xff\xfe"}),
    ("GET", "/project/thread/%00", {}),
    ("GET", "/project/thread/..%2F..%2Fetc%2Fpasswd", {}),
    ("PUT", "/project/thread", {"json": {"threadId": NOBODYS, "name": "x"}}),
    ("DELETE", "/project/thread", {"json": {"threadId": NOBODYS}}),
    ("GET", f"/project/thread/{NOBODYS}/element/{NOBODYS}", {}),
    ("POST", "/set-session-cookie", {"content": b"no json"}),
    ("POST", "/login", {"content": b"\x00" * 100}),
    (
        "POST",
        "/login",
        {"data": {"username": "\x00", "password": "\ud800".encode("utf-8", "replace")}},
    ),
    ("PUT", "/feedback", {"json": {"feedback": {"forId": "\x00", "value": 1}}}),
    ("GET", "/project/translations", {"params": {"language": "../../etc"}}),
    ("GET", "/project/settings", {"params": {"language": "%00"}}),
    ("GET", "/public/..%2f..%2fpyproject.toml", {}),
    ("GET", "/assets/..%2f..%2f..%2fserver.py", {}),
    ("GET", "/avatars/..%2f..%2fx", {}),
    ("GET", "/user", {"headers": {"Cookie": "access_token=.."}}),
    ("GET", "/user", {"headers": {"Cookie": "access_token=a.b.c; access_token_0=x"}}),
    ("GET", "/ws/socket.io/", {"params": {"EIO": "4", "transport": "nothing"}}),
    ("POST", "/ws/socket.io/", {"params": {"EIO": "4", "transport": "polling", "sid": "x"}}),
    ("GET", "/api/v1/pages/x/1", {"params": {"width": "-1"}}),
    ("PUT", "/api/admin/log-level", {"json": {"level": 3}}),
]


@pytest.mark.parametrize(("method", "path", "rest"), BAD, ids=lambda one: str(one)[:40])
async def test_bad_requests_are_refused_not_failed(
    qa: httpx.AsyncClient, method: str, path: str, rest: dict[str, Any]
) -> None:
    answer = await qa.request(method, path, **rest)
    assert answer.status_code < 500, answer.text
    assert not re.search(r"Traceback|root:|\[project\]|site-packages", answer.text)
