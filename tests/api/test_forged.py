"""What the page would never send: refused by the server, whoever sends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from evals.chat_client import ChatClient
from tests.api.library_client import log_in
from tests.served import SAMPLES, Service

pytestmark = pytest.mark.slow
PDF = SAMPLES / "Operating Manual HP 160.pdf"


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody yet; ``log_in`` makes somebody of it."""
    async with httpx.AsyncClient(base_url=service.address, timeout=30) as client:
        yield client


async def a_manual(service: Service) -> str:
    """The id of a manual, as a source card names it."""
    async with ChatClient(service.address, "technician", service.passwords["technician"]) as client:
        elements: list[dict[str, Any]] = []
        client._socket.on("element", elements.append)
        await client.ask("Was bedeutet E-104?")
    cards = next(one for one in elements if one["name"] == "Sources")
    return str(cards["props"]["sources"][0]["place"]["manual"])


async def test_pages_and_files_need_a_log_in(service: Service, http: httpx.AsyncClient) -> None:
    manual = await a_manual(service)
    paths = (f"/api/v1/pages/{manual}/1", f"/api/v1/manuals/{manual}/file")
    for path in paths:
        assert (await http.get(path)).status_code == 401
    await log_in(http, service, "technician")
    image, file = [await http.get(path) for path in paths]
    assert image.headers["content-type"].startswith("image/")
    assert "private" in image.headers["cache-control"]
    assert file.content.startswith(b"%PDF-")
    assert file.headers["content-disposition"].startswith("inline")
    http.cookies.set("access_token", http.cookies["access_token"][:-4] + "AAAA")
    assert (await http.get(paths[0])).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/pages/{manual}/0",
        "/api/v1/pages/{manual}/9999",
        "/api/v1/pages/nothing/1",
        "/api/v1/manuals/..%2F..%2Fmillwright.db/file",
        "/api/v1/other",
        "/api/",
    ],
)
async def test_what_is_not_there_is_not_found(
    path: str, service: Service, http: httpx.AsyncClient
) -> None:
    await log_in(http, service, "technician")
    path = path.format(manual=await a_manual(service)) if "{" in path else path
    assert (await http.get(path)).status_code == 404


async def test_a_technicians_forged_upload_is_refused(
    service: Service, http: httpx.AsyncClient
) -> None:
    async with ChatClient(service.address, "technician", service.passwords["technician"]) as client:
        elements: list[dict[str, Any]] = []
        client._socket.on("element", elements.append)
        await client.upload(PDF, timeout_s=30)
        assert "Rolle" in elements[-1]["props"]["text"]
        await log_in(http, service, "technician")
        answer = await http.post(
            "/project/file",
            params={"session_id": client.session_id},
            files={"file": ("manual.pdf", PDF.read_bytes(), "application/pdf")},
        )
        assert answer.status_code == 403


async def test_files_are_taken_only_when_asked_for_and_only_by_their_session(
    service: Service, http: httpx.AsyncClient
) -> None:
    file = {"file": ("manual.pdf", b"%PDF-1.7", "application/pdf")}
    async with ChatClient(service.address, "admin", service.passwords["admin"]) as client:
        where = {"session_id": client.session_id}
        await log_in(http, service, "admin")
        assert (await http.post("/project/file", params=where, files=file)).status_code == 409
        other = {"session_id": "00000000-0000-0000-0000-000000000000"}
        assert (await http.post("/project/file", params=other, files=file)).status_code == 403
    http.cookies.clear()
    assert (await http.post("/project/file", params=where, files=file)).status_code == 401


async def test_a_body_over_the_limit_is_refused_while_it_comes_in(
    service: Service, http: httpx.AsyncClient
) -> None:
    """1 MB for everything but a manual; by its header, and without one."""
    await log_in(http, service, "admin")
    large = b"x" * (3 * 1024 * 1024)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 64 * 1024):
            yield large[start : start + 64 * 1024]

    assert (await http.post("/project/threads", content=pieces())).status_code == 413
    assert (await http.put("/project/thread", content=pieces())).status_code == 413


async def test_other_sites_cannot_use_a_users_cookie(
    service: Service, http: httpx.AsyncClient
) -> None:
    await log_in(http, service, "technician")
    foreign = {"Origin": "https://elsewhere.example"}
    answer = await http.post("/project/threads", json={}, headers=foreign)
    assert answer.status_code == 403
    socket = {"EIO": "4", "transport": "polling"}
    answer = await http.get("/ws/socket.io/", params=socket, headers=foreign)
    assert answer.status_code == 403
    answer = await http.get("/ws/socket.io/", params=socket, headers={"Origin": service.address})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/auth/jwt"),
        ("POST", "/auth/header"),
        ("POST", "/mcp"),
        ("PUT", "/project/element"),
        ("DELETE", "/project/element"),
        ("PUT", "/project/thread/share"),
    ],
)
async def test_what_nobody_needs_is_closed(
    method: str, path: str, service: Service, http: httpx.AsyncClient
) -> None:
    await log_in(http, service, "admin")
    answer = await http.request(method, path, json={})
    assert answer.status_code in (404, 405)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/copilot/index.js"])
async def test_chainlits_own_documents_are_closed(
    path: str, service: Service, http: httpx.AsyncClient
) -> None:
    """The page comes instead, as for every unknown path; never a description of the server."""
    answer = await http.get(path)
    assert "millwright-texts" in answer.text
    assert "swagger" not in answer.text.lower()


async def test_guessing_passwords_is_slowed_down(service: Service, http: httpx.AsyncClient) -> None:
    guess = {"username": "somebody-else", "password": "wrong"}
    answers = [await http.post("/login", data=guess) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_cookie_and_headers(service: Service, http: httpx.AsyncClient) -> None:
    answer = await http.post("/login", data={"username": "qa", "password": service.passwords["qa"]})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    page = await http.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "server" not in page.headers
    assert "https://" not in page.text.split("<body>")[0]
