"""Behind the shipped nginx: TLS, log-in, streaming over the socket, uploads, what stays inside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from rag.access.api_keys import ApiKeys, ApiScope
from rag.settings import Settings
from rag.store.database import open_database
from tests.browser.conftest import OpenPage
from tests.proxy import NGINX, proxied
from tests.served import Service
from tests.stand_in.ollama import OllamaStandIn, Reply

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is missing")
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proxy") / "nginx" / "log"


@pytest.fixture(scope="module")
def outside(operated: Service, log_file: Path) -> Iterator[tuple[Service, str]]:
    with proxied(operated, log_file.parent) as found:
        yield found


async def test_an_answer_streams_through_the_proxy(
    outside: tuple[Service, str], ollama: OllamaStandIn, open_page: OpenPage
) -> None:
    person = await open_page(outside[0], ignore_https_errors=True)
    [cookie] = [one for one in await person.page.context.cookies() if one["name"] == "access_token"]
    assert cookie["secure"]
    assert cookie["httpOnly"]
    gate = threading.Event()
    text = "Der Ölstand ist zu niedrig oder der Kühler verschmutzt [1]. Öl bis MAX nachfüllen [1]."
    ollama.enqueue(Reply(text, gate=gate, gate_after=6))
    try:
        await person.type("Was bedeutet Fehler E-104 am SK 37?")
        message = person.page.locator(".ai-message", has=person.page.locator(".mw-sources")).last
        await expect(message).to_contain_text("Der Öl")
        assert "nachfüllen [1]" not in await message.inner_text()
    finally:
        gate.set()
    await person.until_answered(0)
    await person.open_card(person.cards.first)


async def test_what_passes_and_what_does_not(outside: tuple[Service, str]) -> None:
    service, plain = outside
    async with httpx.AsyncClient(base_url=service.address, verify=False, timeout=60) as http:
        moved = await http.get(f"{plain}/some?where")
        assert (moved.status_code, moved.headers["location"]) == (
            308,
            "https://localhost/some?where",
        )
        assert (await http.get("/health")).json() == {"status": "ok"}
        for inside in ("/metrics", "/ready"):
            assert (await http.get(inside)).status_code == 404
        page = await http.get("/")
        assert "max-age" in page.headers["strict-transport-security"]
        assert "default-src 'self'" in page.headers["content-security-policy"]
        engine = open_database(Settings(data_dir=service.data_dir))
        _, key = ApiKeys(engine).create("test", [ApiScope.UPLOAD], created_by="admin")
        engine.dispose()
        for size, status in ((20 * MEGABYTE, 422), (52 * MEGABYTE, 413)):
            # 20 MB come through, and are then refused for what they are.
            answer = await http.post(
                "/api/v1/manuals",
                files={"file": ("x.pdf", bytes(size), "application/pdf")},
                headers={"X-API-Key": key},
            )
            assert answer.status_code == status, answer.text


async def test_the_log_of_the_proxy_names_nobody(
    outside: tuple[Service, str], log_file: Path
) -> None:
    service, _ = outside
    async with httpx.AsyncClient(base_url=service.address, verify=False) as http:
        await http.get("/public/nothing.css", params={"who": "Erika Mustermann"})
    log = await asyncio.to_thread(log_file.read_text)
    assert "/public/nothing.css" in log
    assert "Mustermann" not in log
    assert "127.0.0.1" not in log
