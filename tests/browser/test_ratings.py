"""A rating given in the browser, read back from MLflow by MLflow's own client."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import pytest
from mlflow.tracing.client import TracingClient
from playwright.async_api import expect

from tests.browser.conftest import WAIT_MS, OpenPage
from tests.browser.person import Person
from tests.served import Service

QUESTION = "Was bedeutet Fehler E-104 am Kompressor?"


async def rate(person: Person, thumb: str, comment: str = "") -> None:
    """Click the thumb, say why, send, and wait until the page says that it is saved."""
    await person.page.locator(f"[class*={thumb}-feedback]").last.click()
    dialog = person.page.get_by_role("dialog")
    if comment:
        await dialog.locator("textarea").fill(comment)
    await dialog.locator("#submit-feedback").click()
    await expect(person.page.locator(f".{thumb}-feedback-on")).to_have_count(1)


def trace_of(service: Service, question: str) -> str:
    """MLflow's id of the latest answer to ``question``, as our own row names it."""
    with sqlite3.connect(service.data_dir / "millwright.db") as database:
        row = database.execute(
            "SELECT trace_id FROM answers WHERE question = ? ORDER BY created_at DESC", (question,)
        ).fetchone()
    database.close()
    return str(row[0]) if row and row[0] else ""


def assessments(service: Service, question: str, done: Any) -> list[Any]:
    """The valid human assessments on the answer's trace, as soon as ``done`` likes them.

    MLflow is written in the background, and it tells nobody when: this is the one place to poll.
    """
    found: list[Any] = []
    end = time.monotonic() + WAIT_MS / 1000
    while time.monotonic() < end:
        if trace_id := trace_of(service, question):
            client = TracingClient(f"sqlite:///{service.data_dir / 'mlflow.db'}")
            info = client.get_trace_info(trace_id)
            found = [one for one in info.assessments if one.valid is not False]
            if done(found):
                return found
        time.sleep(0.2)
    raise TimeoutError(f"MLflow has {found}")


# MLflow's own way with SQLAlchemy, when it reads its database.
@pytest.mark.filterwarnings("ignore:.*noload.*:DeprecationWarning")
async def test_thumbs_down_with_comment_then_thumbs_up(
    service: Service, open_page: OpenPage
) -> None:
    person = await open_page(service)
    await person.ask(QUESTION)
    await rate(person, "negative", "Falsche Seite")
    [down] = assessments(service, QUESTION, lambda found: len(found) == 1)
    assert down.value is False
    assert down.rationale == "Falsche Seite"
    assert down.source.source_type == "HUMAN"
    assert "technician" not in down.source.source_id

    await rate(person, "positive", "Doch richtig")
    [up] = assessments(service, QUESTION, lambda found: [one.value for one in found] == [True])
    assert up.rationale == "Doch richtig"

    await person.page.reload()
    await expect(person.page.locator(".positive-feedback-on")).to_have_count(1)


async def test_nobody_rates_or_takes_back_for_others(service: Service, open_page: OpenPage) -> None:
    person = await open_page(service)
    await person.ask("Wie spanne ich die Riemen am Kompressor nach?")
    async with person.page.expect_request("**/feedback") as sent:
        await rate(person, "positive")
    run = (await sent.value).post_data_json["feedback"]["forId"]
    other = await open_page(service, "qa")
    forged = {"feedback": {"forId": run, "value": 0, "comment": "!"}, "sessionId": "x"}
    assert await other.call("PUT", "/feedback", forged) == 403
    assert await other.call("DELETE", "/feedback", {"feedbackId": run}) == 403
    assert (
        await person.call("PUT", "/feedback", {**forged, "feedback": {"forId": "?", "value": 0}})
        == 404
    )
    await person.page.reload()
    await expect(person.page.locator(".positive-feedback-on")).to_have_count(1)
