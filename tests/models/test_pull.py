"""Fetching a model onto an Ollama host, with its progress and what can go wrong."""

from __future__ import annotations

import asyncio
import threading

import pytest

from rag.errors import RagError
from rag.models.hosts import hosts_of
from rag.models.pull import Pull
from rag.settings import Settings
from tests.stand_in.ollama import OllamaStandIn


@pytest.fixture
def empty(ollama: OllamaStandIn) -> OllamaStandIn:
    """The stand-in without a model."""
    ollama.models = []
    return ollama


async def until(pull: Pull, stage: str) -> None:
    while not pull.state.stage.startswith(stage):  # noqa: ASYNC110 - the next line is on its way
        await asyncio.sleep(0.005)


async def test_a_model_is_fetched_and_then_there(
    empty: OllamaStandIn, ollama_settings: Settings
) -> None:
    hosts = hosts_of(ollama_settings)
    assert (await hosts.state()).reason == "model_missing"
    empty.pull_gate = threading.Event()
    pull = Pull(hosts.all[0])

    pull.start()
    await until(pull, "pulling")
    with pytest.raises(RagError, match="pull_running"):
        pull.start()
    assert (pull.state.completed, pull.state.total) == (0, 4_113_301_824)
    empty.pull_gate.set()

    assert (await pull.wait()).status == "done"
    assert (await hosts.state()).available


async def test_an_error_line_is_shown(empty: OllamaStandIn, ollama_settings: Settings) -> None:
    empty.pull_error = "pull model manifest: file does not exist"
    pull = Pull(hosts_of(ollama_settings).all[0])

    pull.start()
    state = await pull.wait()

    assert (state.status, state.error) == ("failed", empty.pull_error)


async def test_a_cancelled_pull_can_be_begun_again(
    empty: OllamaStandIn, ollama_settings: Settings
) -> None:
    empty.pull_gate = threading.Event()
    pull = Pull(hosts_of(ollama_settings).all[0])
    pull.start()
    await until(pull, "pulling")

    await pull.cancel()

    assert pull.state.status == "cancelled"
    assert empty.pulled == []
    empty.pull_gate.set()
    pull.start()
    assert (await pull.wait()).status == "done"


async def test_a_host_that_is_away_says_so(empty: OllamaStandIn, ollama_settings: Settings) -> None:
    await asyncio.to_thread(empty.stop)
    pull = Pull(hosts_of(ollama_settings).all[0])

    pull.start()
    state = await pull.wait()

    assert (state.status, state.error_key) == ("failed", "error.llm_unreachable")


async def test_a_host_that_dies_on_the_way_is_no_success(
    empty: OllamaStandIn, ollama_settings: Settings
) -> None:
    empty.pull_gate = threading.Event()
    pull = Pull(hosts_of(ollama_settings).all[0])
    pull.start()
    await until(pull, "pulling")

    await asyncio.to_thread(empty.stop)

    assert (await pull.wait()).status == "failed"
