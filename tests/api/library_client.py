"""The admins' library as a script sees it: calls with a cookie, and waiting for jobs."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx

from tests.served import Service

MANUALS = "/api/admin/manuals"
JOBS = "/api/admin/jobs"
DRAFTS = "/api/admin/drafts"
WORDS = "/api/admin/glossary"


async def log_in(http: httpx.AsyncClient, service: Service, name: str) -> None:
    answer = await http.post("/login", data={"username": name, "password": service.passwords[name]})
    assert answer.status_code == 200


async def manuals(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await http.get(MANUALS)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["manuals"]
    return found


async def ended(http: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    """The job when it is over; the route has nothing to await, so it is asked now and then."""
    async with asyncio.timeout(60):
        while True:
            jobs = (await http.get(JOBS)).json()["jobs"]
            job = next(one for one in jobs if one["id"] == job_id)
            if job["status"] not in ("queued", "running"):
                return dict(job)
            await asyncio.sleep(0.2)


async def send(http: httpx.AsyncClient, content: bytes, name: str = "manual.pdf") -> dict[str, Any]:
    """Send a file; the draft with what its first pages say."""
    answer = await http.post(DRAFTS, params={"file_name": name}, content=content)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["draft"])


async def upload(
    http: httpx.AsyncClient, content: bytes, file_name: str = "manual.pdf", **fields: str
) -> dict[str, Any]:
    """Send a file, confirm it and wait until it is a manual."""
    draft = await send(http, content, file_name)
    answer = await http.post(f"{DRAFTS}/{draft['id']}", json=fields)
    assert answer.status_code == 202, answer.text
    job = await ended(http, answer.json()["job"]["id"])
    assert job["status"] == "done", job
    return next(one for one in await manuals(http) if one["id"] == job["manual_id"])


def a_machine() -> str:
    """One that no other test has."""
    return f"Kran {uuid.uuid4().hex[:6].upper()}"
