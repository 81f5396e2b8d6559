"""The database breaks under the running application: what callers are told, and that it heals."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.api.v1.conftest import InProcess

pytestmark = pytest.mark.slow
QUERY = "/api/v1/query"


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow: what a full disk is, for writes that count."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def broken_library(in_process: InProcess) -> Iterator[None]:
    """A table is gone: somebody restored the wrong file, or it is damaged."""
    path = in_process.door.services.settings.data_dir / "millwright.db"
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE manuals RENAME TO somewhere_else")
    try:
        yield
    finally:
        with sqlite3.connect(path) as database:
            database.execute("ALTER TABLE somewhere_else RENAME TO manuals")


def assert_store_down(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "store_down"
    assert "database cannot be reached" in answer.json()["detail"]
    assert answer.json()["request_id"]
    assert "sqlite" not in answer.text.lower()


async def test_a_full_disk_is_503_until_there_is_room(http: httpx.AsyncClient) -> None:
    asked = await http.post(QUERY, json={"question": "What does E-104 mean?"})
    rating = {"answer_id": asked.json()["id"], "value": 1}
    # Answers are recorded in the background; a rating comes after its answer's row.
    assert (await http.post("/api/v1/feedback", json=rating)).status_code == 204
    with full_disk():
        refused = await http.post("/api/v1/feedback", json=rating)
    assert_store_down(refused)
    assert (await http.post("/api/v1/feedback", json=rating)).status_code == 204


async def test_a_database_that_cannot_be_read_is_503_by_every_door(
    in_process: InProcess, http: httpx.AsyncClient
) -> None:
    with broken_library(in_process):
        assert_store_down(await http.get("/api/v1/manuals"))
        assert_store_down(await http.post(QUERY, json={"question": "Wie oft ist das Öl dran?"}))
        stream = await http.post(f"{QUERY}/stream", json={"question": "Wie oft muss man ölen?"})
        assert "event: failed" in stream.text
        assert '"status": 503' in stream.text
    assert (await http.get("/api/v1/manuals")).status_code == 200
