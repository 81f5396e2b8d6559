"""The guards by themselves, around an app that answers everything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rag.api.caller import language_of
from rag.api.guards import (
    DATA_POLICY,
    FORM_BYTES,
    MEGABYTE,
    PAGE_POLICY,
    PDF_POLICY,
    BodyLimit,
    SameOrigin,
    SecurityHeaders,
    UiLanguage,
)


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    body = await request.body()
    found = {"bytes": len(body), "query": str(request.url.query)}
    response = JSONResponse(found)
    response.set_cookie("a", "b")
    await response(scope, receive, send)


def client(app: object, address: str = "http://here") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=address)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path", "origin", "status"),
    [
        ("POST", "/", "http://here", 200),
        ("POST", "/", None, 200),
        ("GET", "/", "http://there", 200),
        ("POST", "/", "http://there", 403),
        ("DELETE", "/", "null", 403),
        ("GET", "/ws/socket.io/", "http://there", 403),
    ],
)
async def test_same_origin(method: str, path: str, origin: str | None, status: int) -> None:
    async with client(SameOrigin(answers)) as http:
        headers = {"Origin": origin} if origin else {}
        assert (await http.request(method, path, headers=headers)).status_code == status


@pytest.mark.parametrize(("size", "status"), [(MEGABYTE, 200), (MEGABYTE + 1, 413)])
async def test_body_limit_by_header(size: int, status: int) -> None:
    async with client(BodyLimit(answers, max_upload_mb=3)) as http:
        assert (await http.post("/question", content=b"x" * size)).status_code == status


async def test_body_limit_for_what_is_far_too_large_to_be_read() -> None:
    headers = {"Content-Length": str(1000 * MEGABYTE), "Accept-Language": "de"}
    async with client(BodyLimit(answers, max_upload_mb=3)) as http:
        refused = await http.post("/project/file", headers=headers, content=b"x")
    assert refused.status_code == 413
    assert refused.json()["detail"].startswith("Die Datei ist größer als 3 MB")


async def test_an_upload_may_be_as_large_as_said() -> None:
    async with client(BodyLimit(answers, max_upload_mb=3)) as http:
        body = b"x" * (3 * MEGABYTE + FORM_BYTES)
        assert (await http.post("/project/file", content=body)).json()["bytes"] == len(body)


async def test_body_limit_while_it_comes_in() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    async with client(BodyLimit(answers, max_upload_mb=3)) as http:
        with pytest.raises(Exception, match="413"):
            await http.post("/question", content=pieces())


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("de", "de-DE"),
        ("de-AT", "de-DE"),
        ("en-GB", "en-US"),
        ("fr-FR", "en-US"),
        ("", "en-US"),
    ],
)
async def test_page_language(asked: str, got: str) -> None:
    async with client(UiLanguage(answers)) as http:
        answer = await http.get(
            "/project/settings", params={"language": asked, "chat_profile": "ä"}
        )
        other = await http.get("/elsewhere", params={"language": asked})
    assert f"language={got}" in answer.json()["query"]
    assert "chat_profile=%C3%A4" in answer.json()["query"]
    assert other.json()["query"] == f"language={asked}"


async def test_cookies_are_secure_behind_https_and_headers_are_there() -> None:
    for address, secure in (("http://here", False), ("https://here", True)):
        async with client(SecurityHeaders(answers), address) as http:
            answer = await http.get("/")
        assert ("; secure" in answer.headers["set-cookie"].lower()) == secure
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["content-security-policy"] == DATA_POLICY


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        ("application/json", DATA_POLICY),
        ("application/problem+json", DATA_POLICY),
        ("image/svg+xml", DATA_POLICY),
        ("application/pdf", PDF_POLICY),
        ("text/html; charset=utf-8", PAGE_POLICY.format(scripts="")),
        ("text/javascript", PAGE_POLICY.format(scripts="")),
    ],
)
async def test_only_a_page_may_load_anything_and_only_the_chat_evaluate(
    kind: str, policy: str
) -> None:
    async def answer_so(scope: Scope, receive: Receive, send: Send) -> None:
        await Response("x", headers={"Content-Type": kind})(scope, receive, send)

    async with client(SecurityHeaders(answer_so)) as http:
        assert (await http.get("/")).headers["content-security-policy"] == policy
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize(
    ("tags", "language"),
    [("de-DE,en;q=0.8", "de"), ("DE", "de"), ("en,de", "en"), ("den", "en"), ("", "en")],
)
def test_first_language_wins(tags: str, language: str) -> None:
    assert language_of(tags) == language
