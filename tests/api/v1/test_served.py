"""The API of the running service: what needs its server, its queue of manuals or a model."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from evals.chat_client import ChatClient
from rag.access.api_keys import ApiKeys, ApiScope
from rag.settings import Settings
from rag.store.database import open_database
from tests.manual_files import small_manual
from tests.served import Service, copy_data, served
from tests.stand_in.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.slow
API = "/api/v1"
FAULT = {"question": "Was bedeutet E-104 am Kompressor?", "machines": ["Schraubenkompressor SK 37"]}


def new_key(service: Service, *scopes: ApiScope) -> str:
    engine = open_database(Settings(data_dir=service.data_dir))
    try:
        return ApiKeys(engine).create("test", scopes or list(ApiScope), created_by="test")[1]
    finally:
        engine.dispose()


def script(service: Service, **headers: str) -> httpx.AsyncClient:
    """A script with a key of its own for everything."""
    headers = {"X-API-Key": new_key(service), "Accept-Language": "en", **headers}
    return httpx.AsyncClient(base_url=service.address, headers=headers, timeout=60)


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with script(service) as client:
        yield client


def pdf(content: bytes, name: str = "manual.pdf") -> dict[str, tuple[str, bytes, str]]:
    return {"file": (name, content, "application/pdf")}


# --- streams -------------------------------------------------------------------------------------


def held_back(ollama: OllamaStandIn) -> int:
    """The model begins to answer and never goes on; the number of the request that this will be."""
    text = "Der Ölstand ist zu niedrig " * 20
    ollama.enqueue(Reply(text, gate=threading.Event(), gate_after=9))
    return len(ollama.history) + 1


@pytest.mark.parametrize("rudely", [False, True])
async def test_who_leaves_a_stream_ends_the_work_upstream(
    service_with_model: Service, ollama: OllamaStandIn, rudely: bool
) -> None:
    number = held_back(ollama)
    stream = await _open(service_with_model, f"{API}/query/stream", FAULT)
    async with asyncio.timeout(30):
        head = await stream[0].readuntil(b"event: token")
        assert b"HTTP/1.1 200" in head
        assert b"text/event-stream" in head
        assert b"content-encoding" not in head.lower()  # nothing that collects it first
        assert head.index(b"event: notices") < head.index(b"event: sources")
        _leave(stream[1], rudely)
        upstream = await asyncio.to_thread(ollama.wait_for_request, number)
        assert await asyncio.to_thread(upstream.cancelled.wait, 30)


async def test_who_leaves_a_plain_question_does_so_too(
    service_with_model: Service, ollama: OllamaStandIn
) -> None:
    number = held_back(ollama)
    _, writer = await _open(service_with_model, f"{API}/query", FAULT)
    upstream = await asyncio.to_thread(ollama.wait_for_request, number)
    assert await asyncio.to_thread(upstream.started.wait, 30)
    _leave(writer, rudely=False)
    assert await asyncio.to_thread(upstream.cancelled.wait, 30)


async def _open(
    service: Service, path: str, question: dict[str, Any]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A raw connection that has sent a question: httpx would wait for the end of the answer."""
    address = urlsplit(service.address)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps(question).encode()
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nX-API-Key: {new_key(service)}\r\n"
        f"Accept-Encoding: gzip\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    writer.write(body)
    await writer.drain()
    return reader, writer


def _leave(writer: asyncio.StreamWriter, rudely: bool) -> None:
    """Close the connection, or reset it as a device does that loses its network."""
    if rudely:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()


# --- manuals -------------------------------------------------------------------------------------


async def test_the_life_of_a_manual(service: Service, http: httpx.AsyncClient) -> None:
    content = small_manual("Kran API 7", "A", "Die Zykloidschraube wird mit 23 Nm angezogen.")
    said = {"machine": "Kran API 7", "revision": "A", "language": "de"}
    answer = await http.post(f"{API}/manuals", files=pdf(content, "../../Kran.pdf"), data=said)
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]
    assert place == f"{API}/jobs/{answer.json()['id']}"
    assert answer.json()["file_name"] == "Kran.pdf"
    async with script(service) as other:  # with a key for everything, but another one
        assert (await other.get(place)).status_code == 404
    job = await _ended(http, place)
    assert (job["status"], job["error"]) == ("done", None)

    manual = f"{API}/manuals/{job['manual_id']}"
    about = (await http.get(manual)).json()
    assert {name: about[name] for name in said} == said
    assert (about["status"], about["pages"]) == ("active", 2)
    listed = (await http.get(f"{API}/manuals", params={"machine": "Kran API 7"})).json()
    assert listed == {"manuals": [about], "total": 1}
    assert (await http.get(f"{manual}/file")).content == content
    asked = {"question": "Mit wie viel Nm wird die Zykloidschraube angezogen?"}
    asked["manuals"] = [job["manual_id"]]  # type: ignore[assignment]
    body = (await http.post(f"{API}/query", json=asked)).json()
    assert "23 Nm" in body["text"]
    assert body["trace_id"].startswith("tr-")

    again = await http.post(f"{API}/manuals", files=pdf(content))
    assert (await _ended(http, again.headers["location"]))["error"]["code"] == "already_in_library"
    assert (await http.delete(manual)).status_code == 204
    assert (await http.get(manual)).status_code == 404
    assert (await http.delete(manual)).status_code == 404


async def _ended(http: httpx.AsyncClient, place: str) -> dict[str, Any]:
    """The job when it is over; there is nothing to await, so it is asked now and then."""
    async with asyncio.timeout(60):
        while True:
            job: dict[str, Any] = (await http.get(place)).json()
            if job["status"] not in ("queued", "running"):
                return job
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ({"files": pdf(b"GIF89a, not a manual")}, 422, "not_a_pdf"),
        ({"files": pdf(b"")}, 422, "file_empty"),
        ({"files": pdf(b"%PDF-1.7" + b"x" * 3_000_000)}, 413, "upload_too_large"),
        ({"files": {"other": ("a.pdf", b"%PDF-1.7", "application/pdf")}}, 422, None),
        ({"files": pdf(b"%PDF-1.7"), "data": {"role": "admin"}}, 422, None),
        ({"files": pdf(b"%PDF-1.7"), "data": {"language": "fr"}}, 422, None),
        ({"files": pdf(b"%PDF-1.7"), "data": {"valid_from": "soon"}}, 422, "date_wrong"),
        ({"files": pdf(b"%PDF-1.7"), "data": {"title": "x" * 5000}}, 400, "form_broken"),
        ({"files": [("file", ("a", b"%PDF-", "a/b")), ("file", ("b", b"x", "a/b"))]}, 400, None),
        ({"data": {"machine": "x"}}, 415, "content_type"),
        ({"content": b"%PDF-1.7", "headers": {"Content-Type": "application/pdf"}}, 415, None),
    ],
)
async def test_uploads_that_are_refused(
    service: Service,
    http: httpx.AsyncClient,
    parts: dict[str, Any],
    status: int,
    code: str | None,
) -> None:
    answer = await http.post(f"{API}/manuals", **parts)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert code in (None, answer.json()["code"])
    assert list((service.data_dir / "uploads").glob("arriving-*")) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=B", b"--B\r\nno colon\r\n\r\nx\r\n--B--\r\n"),
        ("multipart/form-data; boundary=B", b"--A\r\n\r\n"),
        # It ends before its end.
        (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n%PDF-1.7',
        ),
    ],
)
async def test_forms_that_cannot_be_read(
    service: Service, http: httpx.AsyncClient, kind: str, body: bytes
) -> None:
    answer = await http.post(f"{API}/manuals", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (400, "form_broken")
    assert list((service.data_dir / "uploads").glob("arriving-*")) == []


# --- limits --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict(
    prepared: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """One question and one upload a minute, two log-ins for each address, behind a proxy."""
    data_dir = copy_data(prepared[0], tmp_path_factory.mktemp("strict") / "data")
    with served(
        data_dir,
        passwords=prepared[1],
        QUESTIONS_PER_MINUTE="1",
        UPLOADS_PER_MINUTE="1",
        LOGINS_PER_ADDRESS="2",
        TRUSTED_PROXIES="127.0.0.1",
    ) as running:
        yield running


async def test_one_question_a_minute_in_the_chat(strict: Service) -> None:
    name = "technician"
    async with ChatClient(strict.address, name, strict.passwords[name]) as client:
        elements: list[dict[str, Any]] = []
        client._socket.on("element", elements.append)
        await client.ask("Was bedeutet E-104?")
        told = len(elements)
        await client.ask("Was bedeutet E-105?")
    failed = [one for one in elements[told:] if one["name"] == "Failed"]
    assert "Zu viele Fragen" in failed[0]["props"]["text"]
    assert "Sekunden" in failed[0]["props"]["text"]
    assert failed[0]["props"]["question"] == "Was bedeutet E-105?"


async def test_one_question_and_one_upload_a_minute_for_a_key(strict: Service) -> None:
    async with script(strict) as http:
        answers = [await http.post(f"{API}/query", json=FAULT) for _ in range(2)]
        uploads = [await http.post(f"{API}/manuals", files=pdf(b"GIF89a")) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 429]
    assert [one.status_code for one in uploads] == [422, 429]
    assert uploads[1].json()["code"] == "too_many_uploads"
    assert 1 <= int(uploads[1].headers["retry-after"]) <= 60


async def test_one_upload_a_minute_for_an_admin(strict: Service) -> None:
    headers = {"Origin": strict.address, "Accept-Language": "de"}
    async with httpx.AsyncClient(base_url=strict.address, headers=headers) as http:
        account = {"username": "admin", "password": strict.passwords["admin"]}
        (await http.post("/login", data=account)).raise_for_status()
        sent = [
            await http.post("/api/admin/drafts", params={"file_name": "a.pdf"}, content=b"GIF89a")
            for _ in range(2)
        ]
    assert sent[0].status_code != 429
    assert sent[1].status_code == 429
    assert sent[1].json()["detail"].startswith("Zu viele Uploads")
    assert 1 <= int(sent[1].headers["retry-after"]) <= 60


async def test_the_proxy_tells_who_tries_to_log_in(strict: Service) -> None:
    async with httpx.AsyncClient(base_url=strict.address) as http:

        async def guess(seen_by_proxy: str, name: str) -> int:
            form = {"username": name, "password": "wrong password"}
            headers = {"X-Forwarded-For": f"198.51.100.99, {seen_by_proxy}"}
            return (await http.post("/login", data=form, headers=headers)).status_code

        statuses = [await guess("198.51.100.1", f"nobody-{number}") for number in range(3)]
        assert statuses == [401, 401, 429]
        assert await guess("198.51.100.2", "nobody-3") == 401
        page = await http.get("/", headers={"X-Forwarded-Proto": "https"})
        assert page.status_code == 200
