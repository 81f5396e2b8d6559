"""The language model by direct calls: admins see and fetch it, nobody else does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.api.library_client import log_in
from tests.served import Service
from tests.stand_in.ollama import OllamaStandIn

pytestmark = pytest.mark.slow
MODEL = "/api/admin/model"
CALLS = [("GET", MODEL), ("POST", f"{MODEL}/0/pull"), ("POST", f"{MODEL}/0/cancel")]


@pytest.fixture
async def http(service_with_model: Service) -> AsyncIterator[httpx.AsyncClient]:
    address = service_with_model.address
    async with httpx.AsyncClient(base_url=address, timeout=60, headers={"Origin": address}) as one:
        yield one


@pytest.fixture
def empty(ollama: OllamaStandIn) -> Iterator[OllamaStandIn]:
    """The language model's host without the model, for the length of a test."""
    models, ollama.models = ollama.models, []
    yield ollama
    ollama.models, ollama.pull_error = models, None


async def pulled(http: httpx.AsyncClient) -> dict[str, object]:
    """The state of the pull when it is over."""
    while True:
        host = (await http.get(MODEL)).json()["hosts"][0]
        if host["pull"]["status"] != "running":
            return dict(host["pull"])


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_strangers_and_technicians_are_refused(
    http: httpx.AsyncClient,
    service_with_model: Service,
    empty: OllamaStandIn,
    method: str,
    path: str,
) -> None:
    assert (await http.request(method, path)).status_code == 401
    await log_in(http, service_with_model, "technician")
    assert (await http.request(method, path)).status_code == 403
    assert empty.pulled == []


async def test_another_sites_page_cannot_begin_it(
    http: httpx.AsyncClient, service_with_model: Service
) -> None:
    await log_in(http, service_with_model, "admin")
    foreign = await http.post(f"{MODEL}/0/pull", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403


async def test_an_admin_fetches_the_model(
    http: httpx.AsyncClient, service_with_model: Service, empty: OllamaStandIn
) -> None:
    await log_in(http, service_with_model, "admin")
    empty.pull_error = "no space left on device"
    assert (await http.post(f"{MODEL}/0/pull")).status_code == 202
    failed = await pulled(http)
    assert (failed["status"], failed["error"]) == ("failed", "no space left on device")

    empty.pull_error = None
    assert (await http.post(f"{MODEL}/0/pull")).status_code == 202

    assert (await pulled(http))["status"] == "done"
    assert "mistral:latest" in empty.models
    state = (await http.get(MODEL)).json()
    assert (state["available"], state["hosts"][0]["has_model"]) == (True, True)


async def test_only_hosts_that_are_set_up(
    http: httpx.AsyncClient, service_with_model: Service
) -> None:
    await log_in(http, service_with_model, "admin")
    assert (await http.post(f"{MODEL}/7/pull")).status_code == 409
