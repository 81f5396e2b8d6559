"""Two real processes of one plant: PostgreSQL, Redis and a Qdrant server between them, the shipped
nginx before them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import socketio
from pydantic import SecretStr

from evals.chat_client import ChatClient
from rag.access.api_keys import ApiKeys, ApiScope
from rag.settings import Settings
from rag.store.database import open_database
from tests.ingest.parts import make_pdf
from tests.manual_files import small_manual
from tests.postgres import Postgres
from tests.proxy import NGINX, proxied
from tests.redis import REDIS, redis
from tests.served import Service, served
from tests.stand_in.qdrant import QdrantStandIn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(REDIS is None, reason="redis-server is not installed"),
    pytest.mark.skipif(NGINX is None, reason="nginx is missing"),
]
API = "/api/v1"
QUESTIONS = 5  # a minute for each


@dataclass
class Plant:
    """Both processes, and both as they look from outside."""

    first: Service
    second: Service
    outside: Service
    database_url: str

    def key(self) -> str:
        """A new one for everything."""
        url = SecretStr(self.database_url)
        engine = open_database(Settings(data_dir=self.first.data_dir, database_url=url))
        try:
            return ApiKeys(engine).create("test", list(ApiScope), created_by="test")[1]
        finally:
            engine.dispose()


@pytest.fixture(scope="module")
def plant(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    work = tmp_path_factory.mktemp("plant")
    url = postgres.empty()
    with redis(work) as redis_url, QdrantStandIn(work / "qdrant") as qdrant:
        settings = {
            "DATABASE_URL": url,
            "QDRANT_URL": qdrant.url,
            "REDIS_URL": redis_url,
            "TRACING": "false",
            "OLLAMA_BASE_URL": "",
            "QUESTIONS_PER_MINUTE": str(QUESTIONS),
            "LOGINS_PER_NAME": "4",
            "TRUSTED_PROXIES": "127.0.0.2/32",
        }
        data_dir = work / "data"
        with (
            served(data_dir, **settings) as first,
            served(data_dir, passwords=first.passwords, **settings) as second,
            proxied(first, work / "nginx", second) as (outside, _),
        ):
            yield Plant(first, second, outside, url)


@pytest.fixture
async def both(plant: Plant) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """A script with one key that talks to each of them."""
    headers = {"X-API-Key": plant.key(), "Accept-Language": "en"}
    async with (
        httpx.AsyncClient(base_url=plant.first.address, headers=headers, timeout=60) as first,
        httpx.AsyncClient(base_url=plant.second.address, headers=headers, timeout=60) as second,
    ):
        yield first, second


async def ended(http: httpx.AsyncClient, place: str) -> dict[str, Any]:
    """The job when it is over; there is nothing to await, so it is asked now and then."""
    async with asyncio.timeout(90):
        while True:
            job: dict[str, Any] = (await http.get(place)).json()
            if job["status"] not in ("queued", "running"):
                return job
            await asyncio.sleep(0.2)


async def test_what_one_takes_in_the_other_finds(
    both: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    first, second = both
    asked = {"question": "Mit wie viel Nm wird die Zykloidschraube angezogen?"}
    assert "23 Nm" not in (await second.post(f"{API}/query", json=asked)).json()["text"]
    content = small_manual("Kran 7", "A", "Die Zykloidschraube wird mit 23 Nm angezogen.")
    files = {"file": ("kran.pdf", content, "application/pdf")}
    answer = await first.post(f"{API}/manuals", files=files, data={"machine": "Kran 7"})
    assert answer.status_code == 202, answer.text
    job = await ended(second, answer.headers["location"])
    assert (job["status"], job["error"]) == ("done", None)
    for http in both:
        assert "23 Nm" in (await http.post(f"{API}/query", json=asked)).json()["text"]
    manual = f"{API}/manuals/{job['manual_id']}"
    assert (await second.get(f"{manual}/file")).content == content
    assert (await second.delete(manual)).status_code == 204
    assert "23 Nm" not in (await first.post(f"{API}/query", json=asked)).json()["text"]


async def test_a_log_in_holds_and_ends_at_both(plant: Plant) -> None:
    account = {"username": "qa", "password": plant.first.passwords["qa"]}
    async with httpx.AsyncClient(timeout=60) as http:
        first, second = plant.first.address, plant.second.address
        assert (await http.post(f"{first}/login", data=account)).status_code == 200
        copied = {"Cookie": "; ".join(f"{name}={value}" for name, value in http.cookies.items())}
        assert (await http.get(f"{second}/user")).json()["identifier"] == "qa"
        assert (await http.post(f"{first}/logout")).status_code == 200
        for address in (first, second):
            answer = await http.get(f"{address}/user", headers=copied)
            assert answer.status_code == 401


async def test_questions_and_log_ins_are_counted_together(
    plant: Plant, both: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    asked = {"question": "Was bedeutet E-104?"}
    statuses = [
        (await both[number % 2].post(f"{API}/query", json=asked)).status_code
        for number in range(QUESTIONS + 2)
    ]
    assert statuses == [200] * QUESTIONS + [429] * 2
    guess = {"username": "technician", "password": "wrong"}
    async with httpx.AsyncClient(timeout=60) as http:
        addresses = [plant.first.address, plant.second.address] * 3
        guessed = [await http.post(f"{one}/login", data=guess) for one in addresses]
    assert [one.status_code for one in guessed] == [401] * 4 + [429] * 2


class Outside(ChatClient):
    """A chat through the proxy, whose certificate is its own, with the page's cookie for it."""

    def __init__(self, service: Service) -> None:
        super().__init__(service.address, "admin", service.passwords["admin"])
        self._http = httpx.AsyncClient(base_url=service.address, timeout=60, verify=False)
        self._http.headers["Accept-Language"] = "de"
        self._http.cookies.set("X-Chainlit-Session-id", self.session_id)
        self._socket = socketio.AsyncClient(reconnection=False, ssl_verify=False)


async def files_taken(service: Service) -> int:
    """How many files a process got for its chats."""
    async with httpx.AsyncClient(timeout=60) as http:
        text = (await http.get(f"{service.address}/metrics")).text
    pattern = r"^millwright_http_requests_total\S*project/file\S* (\S+)"
    return sum(int(float(one)) for one in re.findall(pattern, text, re.MULTILINE))


async def test_a_chat_stays_with_its_process(plant: Plant, tmp_path: Path) -> None:
    """A file of a chat is only taken by the process that has the chat's socket."""
    path = tmp_path / "short.pdf"
    services = (plant.first, plant.second)
    before = [await files_taken(one) for one in services]
    after = before
    for number in range(40):
        path.write_bytes(small_manual(f"Kran {number}", "A", f"Die Achse {number} ist lang."))
        async with Outside(plant.outside) as chat:
            reply = await chat.upload(path)
        assert "Kran" in str(reply), reply
        after = [await files_taken(one) for one in services]
        if all(now > then for now, then in zip(after, before, strict=True)):
            return
    raise AssertionError(f"only one process was used: {before} {after}")


async def test_what_a_killed_process_was_reading_the_other_finishes(
    plant: Plant, both: tuple[httpx.AsyncClient, httpx.AsyncClient], tmp_path: Path
) -> None:
    first, second = both
    path = await asyncio.to_thread(make_pdf, tmp_path / "long.pdf", "Presse 12", pages=250)
    with path.open("rb") as content:
        files = {"file": ("presse.pdf", content, "application/pdf")}
        answer = await first.post(f"{API}/manuals", files=files, data={"machine": "Presse 12"})
    place = answer.headers["location"]
    async with asyncio.timeout(60):
        while (await second.get(place)).json()["stage"] != "reading":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    os.kill(plant.first.process.pid, signal.SIGKILL)
    job = await ended(second, place)
    assert (job["status"], job["error"]) == ("done", None)
    asked = {
        "question": "Mit wie viel Nm werden die Schrauben der Baugruppe 3 angezogen?",
        "machines": ["Presse 12"],
    }
    async with httpx.AsyncClient(base_url=plant.outside.address, verify=False, timeout=60) as http:
        key = {"X-API-Key": second.headers["X-API-Key"]}
        found = await http.post(f"{API}/query", json=asked, headers=key)
        assert found.status_code == 200
        assert "Nm" in found.json()["text"]
