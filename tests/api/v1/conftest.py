"""The real application in this process: Chainlit's, with our routes and guards in front."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.access.api_keys import ApiScope
from rag.access.rate_limit import RateLimits
from rag.chat.door import Door, open_door
from rag.settings import Settings
from tests.served import NOBODY_LISTENS, copy_data

ADDRESS = "http://millwright.test"


@dataclass
class InProcess:
    """The application, its door, and the key that a test gave itself."""

    app: Any
    door: Door

    def key(self, *scopes: ApiScope, name: str = "Leitstand", days: int = 30) -> str:
        """A new key with ``scopes`` (none named: all of them)."""
        _, token = self.door.keys.create(
            name, scopes or list(ApiScope), created_by="admin", days=days
        )
        return token


@pytest.fixture(scope="session")
def in_process(
    prepared: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcess]:
    """With the sample manuals; nobody works on the queue, so uploads wait there."""
    data_dir = copy_data(prepared[0], tmp_path_factory.mktemp("api") / "data")
    settings = Settings(
        data_dir=data_dir,
        embedding_model="none",
        reranker_model="none",
        ollama_base_url=NOBODY_LISTENS,
        tracing=False,
        max_upload_mb=1,
        questions_per_minute=0,
        uploads_per_minute=0,
    )
    door = open_door(settings)
    from chainlit.server import app

    from rag.api.install import install

    install(door)
    yield InProcess(app, door)
    asyncio.run(door.close())


@pytest.fixture
async def http(in_process: InProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A script that has a key for everything."""
    transport = httpx.ASGITransport(in_process.app)
    headers = {"X-API-Key": in_process.key(), "Accept-Language": "en"}
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers) as client:
        yield client


@pytest.fixture
def limited(in_process: InProcess) -> Iterator[Callable[..., None]]:
    """``limited(questions_per_minute=2)`` until the test ends."""
    door, before = in_process.door, in_process.door.limits

    def limit(**settings: int) -> None:
        door.limits = RateLimits(door.services.settings.model_copy(update=settings))

    yield limit
    door.limits = before


@pytest.fixture(scope="session")
def key(in_process: InProcess) -> str:
    """A key for everything, for tests that need but one."""
    return in_process.key(name="for everything")
