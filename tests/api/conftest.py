"""An admin of the served library, and somebody who is nobody yet."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.library_client import MANUALS, log_in, manuals
from tests.served import Service


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody yet; ``log_in`` makes somebody of it."""
    headers = {"Origin": service.address}
    async with httpx.AsyncClient(base_url=service.address, timeout=60, headers=headers) as client:
        yield client


@pytest.fixture
async def admin(service: Service, http: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """An admin; what they upload is deleted at the end, for the other tests' sake."""
    await log_in(http, service, "admin")
    before = {one["id"] for one in await manuals(http)}
    yield http
    for one in await manuals(http):
        if one["id"] not in before:
            assert (await http.delete(f"{MANUALS}/{one['id']}")).status_code == 200
