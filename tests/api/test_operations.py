"""What an operator sees: health, readiness, figures and the log, and what none of them tells."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from evals.chat_client import ChatClient
from rag.access.api_keys import ApiKeys, ApiScope
from rag.api.health import Health, Part, Readiness
from rag.settings import Settings
from rag.store.database import open_database
from tests.served import PROJECT, Service

pytestmark = pytest.mark.slow
MARKED = "Flaschenzugprüfung"  # a word that stands in no manual and must stand in no log
PROXIED = {"X-Forwarded-For": "192.0.2.7"}  # a request that came through some proxy


@pytest.fixture
async def http(operated: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=operated.address, timeout=30) as client:
        yield client


async def figures(http: httpx.AsyncClient) -> dict[tuple[str, str], float]:
    """Every figure by its name and its labels' values joined by blanks."""
    answer = await http.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, " ".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_alive_and_ready(operated: Service, http: httpx.AsyncClient) -> None:
    assert (await http.get("/health")).json() == {"status": "ok"}
    async with asyncio.timeout(120):
        # The first index is being built, or the machine is busy: then it is not ready yet.
        while "no answer within" in (answer := await http.get("/ready")).text:
            assert answer.status_code in (200, 503)
    assert answer.status_code == 200
    parts = answer.json()["parts"]
    assert {name: part["state"] for name, part in parts.items()} == {
        "database": "ok",
        "library": "ok",
        "keywords": "ok",
        "engine": "ok",
        "qdrant_server": "off",
        "language_model": "ok",
        "mlflow": "ok",
        "disk": "ok",
        "embedder": "off",
        "reranker": "off",
    }
    assert parts["library"]["reason"] == "2 manuals"
    assert "://" not in answer.text
    assert str(operated.data_dir) not in answer.text


async def test_only_what_answers_need_makes_it_unready() -> None:
    fine = dict.fromkeys(("database", "library", "keywords"), Part("ok"))
    assert Readiness({**fine, "language_model": Part("down"), "mlflow": Part("down")}, 0).is_ready
    for name in fine:
        assert not Readiness({**fine, name: Part("down")}, 0).is_ready


async def test_a_part_that_hangs_is_down_and_not_asked_twice() -> None:
    health = Health(None, patience_s=0.05)  # type: ignore[arg-type]
    asked = 0
    released = asyncio.Event()

    async def hang() -> Part:
        nonlocal asked
        asked += 1
        await released.wait()
        return Part("ok")

    for _ in range(2):
        assert (await health._patiently("it", hang)).state == "down"
    assert asked == 1
    released.set()
    assert await health._patiently("it", hang) == Part("ok")


def a_key(operated: Service, scope: ApiScope) -> str:
    engine = open_database(Settings(data_dir=operated.data_dir))
    _, token = ApiKeys(engine).create("a script", [scope], created_by="admin")
    engine.dispose()
    return token


async def test_who_may_read_the_figures(operated: Service, http: httpx.AsyncClient) -> None:
    assert (await http.get("/metrics")).status_code == 200
    engine = open_database(Settings(data_dir=operated.data_dir))
    keys = ApiKeys(engine)
    key, token = keys.create("prometheus", [ApiScope.METRICS], created_by="admin")
    _, other = keys.create("a script", [ApiScope.ASK], created_by="admin")
    # By way of the named proxy: who asks is then 192.0.2.7, and not of this machine.
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(transport=transport, base_url=operated.address) as far:
        far.headers.update(PROXIED)
        for headers, status in (
            ({}, 401),
            ({"X-API-Key": "mw_made_up"}, 401),
            ({"X-API-Key": other}, 403),
            ({"X-API-Key": token}, 200),
            ({"Authorization": f"Bearer {token}"}, 200),
        ):
            assert (await far.get("/metrics", headers=headers)).status_code == status
        keys.revoke(key.id)
        assert (await far.get("/metrics", headers={"X-API-Key": token})).status_code == 401
    engine.dispose()


async def test_behind_a_proxy_that_nobody_named_nothing_is_local(service: Service) -> None:
    async with httpx.AsyncClient(base_url=service.address) as http:
        assert (await http.get("/metrics")).status_code == 200
        assert (await http.get("/metrics", headers=PROXIED)).status_code == 401


async def test_what_happens_is_counted(operated: Service, http: httpx.AsyncClient) -> None:
    before = await figures(http)
    password = operated.passwords["technician"]
    async with ChatClient(operated.address, "technician", password) as chat:
        reply = await chat.ask("Wie oft muss das Öl gewechselt werden?")
        assert reply.run_id is not None
        await chat.rate(reply.run_id, 1)
        await chat.ask(f"Wann ist die nächste {MARKED}?")
        during = await figures(http)
    grown = {key: during[key] - before.get(key, 0) for key in during}
    assert grown["millwright_questions_total", "answered"] >= 1
    assert sum(n for (name, _), n in grown.items() if name == "millwright_answers_total") == 2
    assert grown["millwright_ratings_total", "up"] == 1
    assert grown["millwright_logins_total", "ok"] == 1
    assert sum(
        n for (name, _), n in grown.items() if name == "millwright_first_token_seconds_count"
    )
    stages = {key for name, key in during if name == "millwright_stage_seconds_count"}
    assert {"understand", "bm25", "generate"} <= stages
    assert grown["millwright_tokens_total", "prompt"] > 0
    assert during["millwright_manuals", "active"] == 2
    assert during["millwright_chat_sessions", ""] >= 1
    assert ("millwright_ready", "") in during
    assert during["millwright_memory_bytes", "anonymous"] > 50e6
    assert grown["millwright_http_requests_total", "PUT /feedback 200"] == 1
    assert MARKED not in (await http.get("/metrics")).text


async def test_a_repeated_question_is_counted_as_found_in_the_cache(
    operated: Service, http: httpx.AsyncClient
) -> None:
    before = await figures(http)
    async with ChatClient(operated.address, "qa", operated.passwords["qa"]) as chat:
        for _ in range(2):
            await chat.ask("Welches Öl gehört in den Verdichter?")
    during = await figures(http)
    looked_up = [("millwright_cache_lookups_total", f"answers {how}") for how in ("hit", "miss")]
    assert [during[one] - before[one] for one in looked_up] == [1, 1]


async def test_a_script_can_ask_for_an_answer_that_was_not_kept(
    operated: Service, http: httpx.AsyncClient
) -> None:
    http.headers["X-API-Key"] = a_key(operated, ApiScope.ASK)
    question = {"question": "Wie viel Öl braucht der Verdichter?"}
    stages = []
    for fresh in (False, False, True):
        answer = await http.post("/api/v1/query", json={**question, "fresh": fresh})
        stages.append(answer.json()["timings_ms"])
    assert ["generate" in one for one in stages] == [True, False, True]
    told = await http.post("/api/v1/query/stream", json={**question, "fresh": True})
    assert '"name": "generate"' in told.text


async def test_head_is_get_without_a_body(operated: Service, http: httpx.AsyncClient) -> None:
    """What watches over a service asks so."""
    listed = "/api/v1/manuals"
    assert (await http.head(listed)).status_code == 401
    http.headers["X-API-Key"] = a_key(operated, ApiScope.ASK)
    manual = (await http.get(listed)).json()["manuals"][0]["id"]
    page = f"/api/v1/pages/{manual}/1?width=480"
    for path in ("/health", "/ready", "/metrics", "/", listed, page, f"{listed}/{manual}/file"):
        head, whole = await http.head(path), await http.get(path)
        assert (head.status_code, head.content) == (whole.status_code, b""), path
        assert head.headers["content-type"] == whole.headers["content-type"]
    assert (await http.head("/api/v1/query")).status_code == 405
    assert (await http.head("/api/v1/nothing")).status_code == 404


async def test_dashboard_and_alerts_name_figures_that_there_are(http: httpx.AsyncClient) -> None:
    there = {name for name, _ in await figures(http)}
    answer = (await http.get("/metrics")).text
    # A figure with labels has no sample before its first event, but always a type.
    for name, kind in re.findall(r"^# TYPE (\S+) (\w+)$", answer, re.MULTILINE):
        there |= {name} | ({f"{name}_bucket"} if kind == "histogram" else set())
    dashboard = json.loads((PROJECT / "deploy/grafana/millwright.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    alerts = (PROJECT / "deploy/prometheus/alerts.yaml").read_text()
    asked += re.findall(r"^ +expr: (.+)$", alerts, re.MULTILINE)
    assert len(asked) > 30
    named = {name for text in asked for name in re.findall(r"\b(?:millwright|process)_\w+", text)}
    assert named - there == set()


def records_of(service: Service) -> list[dict[str, Any]]:
    """What the log says by now, oldest first."""
    return [json.loads(line) for line in list(service.lines) if line.startswith("{")]


async def test_the_log_tells_ids_and_nobodys_business(
    operated: Service, http: httpx.AsyncClient
) -> None:
    account = {"username": "technician", "password": operated.passwords["technician"]}
    await http.post("/login", data=account)
    await http.post("/login", data={"username": "technician", "password": f"wrong {MARKED}"})
    before = {None, *(record.get("thread") for record in records_of(operated))}
    async with ChatClient(operated.address, *account.values()) as chat:
        await chat.ask(f"Was ist eine {MARKED}?")
    asked: list[dict[str, Any]] = []
    while not asked:  # it is told when the answer's events are at their end
        assert (await http.get("/health")).status_code == 200
        records = records_of(operated)
        mine = [record for record in records if record.get("thread") not in before]
        asked = [record for record in mine if record["message"].startswith("question ")]
    assert re.fullmatch(r"question (answered|refused) after \d+ ms", asked[-1]["message"])
    assert re.fullmatch(r"tr-[0-9a-f]{32}", asked[-1]["trace"])
    assert re.fullmatch(r"[0-9a-f-]{36}", asked[-1]["thread"])
    assert all({"time", "level", "logger", "message"} <= record.keys() for record in records)
    told = json.dumps(records, ensure_ascii=False)
    for secret in (MARKED, *operated.passwords.values(), http.cookies["access_token"]):
        assert secret not in told
    assert '"technician"' not in told


async def test_how_much_the_log_says_can_be_changed(
    operated: Service, http: httpx.AsyncClient
) -> None:
    path = "/api/admin/log-level"
    assert (await http.get(path)).status_code == 401
    for name, status in (("technician", 403), ("admin", 200)):
        account = {"username": name, "password": operated.passwords[name]}
        await http.post("/login", data=account)
        assert (await http.put(path, json={"level": "WARNING"})).status_code == status
    assert (await http.get(path)).json() == {"level": "WARNING"}
    assert (await http.put(path, json={"level": "LOUD"})).status_code == 422
    operated.process.send_signal(signal.SIGUSR1)
    while (await http.get(path)).json() != {"level": "DEBUG"}:
        pass  # a signal is handled between two requests
