"""Chromium, and pages of people who are logged in. Everything runs in one event loop."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.person import Person
from tests.served import PROJECT, Service

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
WAIT_MS = 30_000  # for what comes by itself; nothing sleeps

OpenPage = Callable[..., Awaitable[Person]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here drive Chromium, in the loop that its session lives in."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if not CHROMIUM.exists():
                item.add_marker(pytest.mark.skip(reason=f"Chromium is missing ({CHROMIUM})"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """``await open_page(service, "technician", locale="de-DE")``: a person who is logged in."""
    contexts = []
    services: list[Service] = []

    async def open_one(service: Service, name: str = "technician", **options: Any) -> Person:
        path = options.pop("path", "/")
        options = {"locale": "de-DE", "viewport": {"width": 1280, "height": 900}, **options}
        context = await browser.new_context(**options)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        services.append(service)
        person = Person(await context.new_page(), service)
        await person.log_in(name, service.passwords[name], path)
        return person

    yield open_one
    for context in contexts:
        await context.close()
    for service in services:  # pytest shows this when the test has failed
        sys.stdout.write("\n".join([*list(service.lines)[-10:], ""]))


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(browser: Browser) -> AsyncIterator[Page]:
    """A page of somebody who is not logged in."""
    context = await browser.new_context(locale="de-DE")
    context.set_default_timeout(WAIT_MS)
    yield await context.new_page()
    await context.close()


@pytest.fixture(scope="session")
def gold() -> dict[str, dict[str, Any]]:
    """The gold questions by id."""
    lines = (PROJECT / "evals" / "gold" / "questions.jsonl").read_text(encoding="utf-8")
    questions = [json.loads(line) for line in lines.splitlines() if line.strip()]
    return {question["id"]: question for question in questions}


@pytest_asyncio.fixture(loop_scope="session")
async def machine(service: Service, open_page: OpenPage) -> AsyncIterator[str]:
    """A machine that no other test has; its manuals are deleted at the end."""
    name = f"Kran {uuid.uuid4().hex[:6].upper()}"
    yield name
    admin = await open_page(service, "admin")
    await admin.page.evaluate(
        """async (machine) => {
            const {manuals} = await (await fetch("/api/admin/manuals")).json();
            const {drafts} = await (await fetch("/api/admin/drafts")).json();
            for (const one of drafts)
                await fetch(`/api/admin/drafts/${one.id}`, {method: "DELETE"});
            for (const one of manuals.filter((one) => one.machine === machine))
                await fetch(`/api/admin/manuals/${one.id}`, {method: "DELETE"});
        }""",
        name,
    )
