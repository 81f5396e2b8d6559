"""A real library with two small manuals, and a stand-in Ollama."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.answer.ask import ask
from rag.services import Services, build_services
from rag.settings import Settings
from rag.types import Answer, Done, Event, Failed, Replaced, Role, Scope, Token, Turn, User
from tests.answer.small_library import compressor, load, press
from tests.stand_in.ollama import OllamaStandIn

TECHNICIAN = User("u1", "tech", Role.TECHNICIAN)
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def ollama() -> Iterator[OllamaStandIn]:
    with OllamaStandIn() as server:
        yield server


@pytest.fixture
def open_services(tmp_path: Path) -> Iterator[Callable[..., Services]]:
    """Services over the two manuals with the settings given; closed at the end of the test."""
    opened: list[Services] = []

    def open_with(**settings: Any) -> Services:
        merged = {
            "data_dir": tmp_path / f"data{len(opened)}",
            "models_dir": tmp_path / "models",
            "ollama_base_url": NOWHERE,
            "tracing": False,
            "hyde": "never",
            **settings,
        }
        services = build_services(Settings(**merged))
        for of, chunks in (compressor(), press()):
            load(services, of, chunks)
        opened.append(services)
        return services

    yield open_with
    for services in opened:
        services.close()


@pytest.fixture
def quoting(open_services: Callable[..., Services]) -> Services:
    """Without a language model."""
    return open_services()


@pytest.fixture
def writing(open_services: Callable[..., Services], ollama: OllamaStandIn) -> Services:
    """With the stand-in language model."""
    return open_services(ollama_base_url=ollama.url)


async def events_of(
    question: str,
    services: Services,
    *,
    machine: str = "",
    history: tuple[Turn, ...] = (),
) -> list[Event]:
    scope = Scope(machines=(machine,) if machine else ())
    asked: AsyncIterator[Event] = ask(
        question, user=TECHNICIAN, scope=scope, history=history, services=services
    )
    return [event async for event in asked]


async def answer_to(question: str, services: Services, **options: Any) -> Answer:
    """The finished answer; its text must be what the events showed."""
    events = await events_of(question, services, **options)
    shown = ""
    for event in events:
        if isinstance(event, Token):
            shown += event.text
        elif isinstance(event, Replaced):
            shown = event.text
    last = events[-1]
    assert not isinstance(last, Failed), last
    assert isinstance(last, Done)
    assert shown == last.answer.text
    return last.answer
