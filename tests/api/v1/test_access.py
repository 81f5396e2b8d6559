"""Who may do what over the API, and how a refusal looks."""

from __future__ import annotations

import logging
import re
from typing import Any

import httpx
import pytest
from chainlit.auth import create_jwt
from chainlit.user import User
from sqlalchemy import text

from rag.access.api_keys import ApiScope
from rag.access.secret import auth_secret
from tests.api.v1.conftest import ADDRESS, InProcess

pytestmark = pytest.mark.slow
MANUAL = "00000000-0000-0000-0000-000000000000"
ASK = {"question": "Was bedeutet E-104?"}
RATING = {"answer_id": "nothing", "value": 1}
FILE = {"file": ("a.pdf", b"%PDF-1.7", "application/pdf")}
OPERATIONS: list[tuple[str, str, dict[str, Any], set[ApiScope], bool]] = [
    ("POST", "/query", {"json": ASK}, {ApiScope.ASK}, False),
    ("POST", "/query/stream", {"json": ASK}, {ApiScope.ASK}, False),
    ("POST", "/feedback", {"json": RATING}, {ApiScope.FEEDBACK}, False),
    ("POST", "/manuals", {"files": FILE}, {ApiScope.UPLOAD}, False),
    ("GET", "/jobs/nothing", {}, {ApiScope.UPLOAD}, False),
    ("GET", "/manuals", {}, {ApiScope.ASK, ApiScope.UPLOAD}, False),
    ("GET", f"/manuals/{MANUAL}", {}, {ApiScope.ASK, ApiScope.UPLOAD}, False),
    ("DELETE", f"/manuals/{MANUAL}", {}, {ApiScope.UPLOAD}, False),
    ("GET", f"/pages/{MANUAL}/1", {}, {ApiScope.ASK, ApiScope.UPLOAD}, True),
    ("GET", f"/manuals/{MANUAL}/file", {}, {ApiScope.ASK, ApiScope.UPLOAD}, True),
    ("GET", "/openapi.json", {}, set(ApiScope), True),
    ("GET", "/docs", {}, set(ApiScope), True),
]


@pytest.fixture
def cookie(in_process: InProcess, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The session cookie of the admin who is logged in at the chat."""
    door = in_process.door
    monkeypatch.setenv("CHAINLIT_AUTH_SECRET", auth_secret(door.services.settings))
    admin = door.accounts.find("admin")
    assert admin is not None
    session = {"session": door.sessions.begin(admin)}
    return {"Cookie": f"access_token={create_jwt(User(identifier='admin', metadata=session))}"}


def is_problem(answer: httpx.Response, status: int, code: str = "") -> bool:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= body.keys()
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    return body["code"] == code if code else True


@pytest.mark.parametrize(("method", "path", "content", "scopes", "session"), OPERATIONS)
async def test_every_operation_asks_for_a_key_of_its_scope(
    in_process: InProcess,
    cookie: dict[str, str],
    method: str,
    path: str,
    content: dict[str, Any],
    scopes: set[ApiScope],
    session: bool,
) -> None:
    transport = httpx.ASGITransport(in_process.app)
    async with httpx.AsyncClient(transport=transport, base_url=f"{ADDRESS}/api/v1") as http:

        async def call(**headers: str) -> httpx.Response:
            return await http.request(method, path, headers=headers, **content)

        assert is_problem(await call(), 401, "key_needed")
        assert "ApiKey" in (await call()).headers["www-authenticate"]
        assert is_problem(await call(**{"X-API-Key": "mw_0_0"}), 401, "key_wrong")
        for scope in ApiScope:
            answer = await call(**{"X-API-Key": in_process.key(scope)})
            if scope not in scopes:
                assert is_problem(answer, 403, "key_scope")
                continue
            assert answer.status_code in (200, 202, 204, 404, 422)
        # The cookie of a browser: another site could make it send one.
        assert ((await call(**cookie)).status_code == 401) is not session
        # A key that is not valid is not made up for by a cookie.
        assert (await call(**{**cookie, "X-API-Key": "x"})).status_code == 401


async def test_keys_that_are_over(http: httpx.AsyncClient, in_process: InProcess) -> None:
    keys = in_process.door.keys
    token = in_process.key(name="ends soon")
    headers = {"X-API-Key": token}
    assert (await http.get("/api/v1/manuals", headers=headers)).status_code == 200
    key = keys.find(token)
    assert key is not None
    with in_process.door.services.database.begin() as connection:
        change = text("UPDATE api_keys SET expires_at = '2020' WHERE id = :id")
        connection.execute(change, {"id": key.id})
    answer = await http.get("/api/v1/manuals", headers=headers)
    assert is_problem(answer, 401, "key_expired")
    keys.revoke(key.id)
    answer = await http.get("/api/v1/manuals", headers=headers)
    assert is_problem(answer, 401, "key_revoked")


@pytest.mark.parametrize(
    ("language", "detail"),
    [("de", "gibt es nicht"), ("de-AT,en;q=0.5", "gibt es nicht"), ("fr", "manual")],
)
async def test_problems_in_the_callers_language(
    http: httpx.AsyncClient, language: str, detail: str
) -> None:
    headers = {"Accept-Language": language}
    answer = await http.get(f"/api/v1/manuals/{MANUAL}", headers=headers)
    assert is_problem(answer, 404, "manual_unknown")
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/api/v1", {}, 404),
        ("GET", "/api/v1/", {}, 404),
        ("GET", "/api/v1/nothing", {}, 404),
        ("GET", "/api/v1/pages/..%2F..%2Fmillwright.db/1", {}, 404),
        ("GET", "/api/v1/pages/%2e%2e/%2e%2e/etc/passwd", {}, 404),
        ("GET", "/api/v1/manuals/..%2F..%2Fauth_secret/file", {}, 404),
        ("GET", "/api/v1/manuals/%00/file", {}, 404),
        ("GET", f"/api/v1/pages/{MANUAL}/1", {}, 404),
        ("GET", f"/api/v1/pages/{MANUAL}/{10**30}", {}, 404),
        ("GET", f"/api/v1/pages/{MANUAL}/one", {}, 422),
        ("GET", "/api/v1/manuals?limit=100000", {}, 422),
        ("PUT", "/api/v1/query", {}, 405),
        ("POST", "/api/v1/query", {"content": b"{", "headers": {}}, 415),
        ("POST", "/api/v1/query", {"json": []}, 422),
        ("POST", "/api/v1/query", {"json": {"question": "x", "scope": "all"}}, 422),
        ("POST", "/api/v1/query", {"json": {"question": "x" * 1001}}, 422),
        ("POST", "/api/v1/query", {"json": {"question": "x" * 2_000_000}}, 413),
        ("POST", "/api/v1/feedback", {"json": {"answer_id": "x", "value": 2}}, 422),
    ],
)
async def test_bad_requests(
    http: httpx.AsyncClient, method: str, path: str, content: dict[str, Any], status: int
) -> None:
    answer = await http.request(method, path, **content)
    assert is_problem(answer, status)
    if status == 405:
        assert answer.headers["allow"] == "POST"


async def test_pages_of_other_sites_get_nothing(http: httpx.AsyncClient) -> None:
    """Not even the leave to try (a CORS preflight), whatever key they have."""
    foreign = {"Origin": "https://elsewhere.example"}
    asked = {**foreign, "Access-Control-Request-Method": "POST"}
    for method, headers in (("OPTIONS", asked), ("POST", foreign)):
        answer = await http.request(method, "/api/v1/query", headers=headers)
        assert is_problem(answer, 403, "foreign_origin")
        assert "access-control-allow-origin" not in answer.headers


async def test_json_that_is_none(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    for content in (b"{", b"\xff\xfe", b'{"question": NaN', b"[" * 50_000):
        answer = await http.post("/api/v1/query", content=content, headers=headers)
        assert is_problem(answer, 400)
    hidden = b'{"question": "\\ud800 lone surrogate"}'
    answer = await http.post("/api/v1/query", content=hidden, headers=headers)
    assert is_problem(answer, 422)


async def test_the_errors_of_values_in_our_words(http: httpx.AsyncClient) -> None:
    asked = {"question": 7, "machines": "secret-name", "history": [{"question": "x"}], "a/b": 1}
    answer = await http.post("/api/v1/query", json=asked, headers={"Accept-Language": "de"})
    errors = {one["pointer"]: one["detail"] for one in answer.json()["errors"]}
    assert errors == {
        "#/question": "Das muss von der Art string sein.",
        "#/machines": "Das muss von der Art array sein.",
        "#/history/0/answer": "Das fehlt.",
        "#/a~1b": "Diese Angabe gibt es nicht.",
    }
    assert "secret-name" not in answer.text


async def test_what_nobody_expected_is_told_to_the_log_only(
    http: httpx.AsyncClient,
    in_process: InProcess,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("the secret reason")

    monkeypatch.setattr(in_process.door.services.library, "manuals", broken)
    with caplog.at_level(logging.ERROR):
        answer = await http.get("/api/v1/manuals")
    assert is_problem(answer, 500, "internal_server_error")
    assert "secret reason" not in answer.text
    assert "secret reason" in caplog.text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("order-4711.step_2", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("short", False),
        ("with a blank", False),
        ('"><script>', False),
        ("line%0d%0abreak", False),
    ],
)
async def test_request_ids(http: httpx.AsyncClient, given: str, kept: bool) -> None:
    answer = await http.get("/api/v1/manuals/nothing", headers={"X-Request-ID": given})
    assert (answer.headers["x-request-id"] == given) is kept
    assert re.fullmatch(r"[\w.-]{8,64}", answer.json()["request_id"])
    page = await http.get("/", headers={"X-Request-ID": given})
    assert (page.headers["x-request-id"] == given) is kept
