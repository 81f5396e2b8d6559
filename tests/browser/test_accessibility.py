"""WCAG 2.2 A and AA, as far as axe-core can tell, on what a technician sees."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.served import Service

RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
# Faults of Chainlit's own markup that we cannot reach: (rule, selector of what may have it, why).
EXCEPTIONS = [
    (
        "list",
        'ul[data-sidebar="menu"]',
        "the list of past chats has a <div> between <ul> and <li>; it is read out all the same",
    ),
]
DESK = {"locale": "de-DE", "viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
PHONE = {"locale": "en-GB", "viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
# Nobody scrolls sideways.
FITS = "document.documentElement.scrollWidth <= innerWidth"
QUESTIONS = {
    "de-DE": "Wie wechsle ich den Luftfilter am Kompressor?",
    "en-GB": "How do I change the return filter of the press?",
}


async def faults(page: Page) -> list[str]:
    """What axe finds, but for the exceptions: rule, element, reason."""
    found = await Axe().run(page, options={"runOnly": RULES})
    return [
        f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')}"
        for one in found.response["violations"]
        for node in one["nodes"]
        if not await excepted(page, one["id"], node["target"])
    ]


async def excepted(page: Page, rule: str, target: list[str]) -> bool:
    for known, selector, _ in EXCEPTIONS:
        element = page.locator(target[-1]).first
        if rule == known and await element.evaluate("(node, own) => node.matches(own)", selector):
            return True
    return False


@pytest.mark.parametrize("looks", [DESK, PHONE], ids=["desk-light", "phone-dark"])
async def test_screens_of_a_question(
    looks: dict[str, Any], service: Service, open_page: OpenPage
) -> None:
    person = await open_page(service, **looks)
    page = person.page
    await expect(page.locator("#starters button").first).to_be_visible()
    assert await faults(page) == [], "first screen"
    assert await page.evaluate(FITS), "first screen"
    await person.ask(QUESTIONS[looks["locale"]])
    await expect(page.locator(".mw-notice").first).to_be_visible()
    await page.locator(".mw-made summary").click()
    assert await faults(page) == [], "answer"
    assert await page.evaluate(FITS), "answer"
    await person.open_card(person.cards.first)
    assert await faults(page) == [], "opened page"
    assert await page.evaluate(FITS), "opened page"
    await person.close_viewer()
    await page.evaluate("() => { window.print = () => { window.printed = true } }")
    await page.locator("[data-tool=print]").click()
    await page.wait_for_function("window.printed")
    await page.emulate_media(media="print")
    assert await faults(page) == [], "paper"
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    await page.emulate_media(media="screen")
    await person.type("Was bedeutet E-512?")
    await person.until_answered(1)
    assert await faults(page) == [], "refusal"
    assert await page.evaluate(FITS), "refusal"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_log_in(scheme: Any, service: Service, stranger: Page) -> None:
    await stranger.emulate_media(color_scheme=scheme)
    await stranger.goto(f"{service.address}/login")
    await expect(stranger.locator("#email")).to_be_visible()
    assert await faults(stranger) == []


async def test_a_fault_would_be_found(service: Service, stranger: Page) -> None:
    await stranger.goto(f"{service.address}/login")
    await expect(stranger.locator("#email")).to_be_visible()
    await stranger.evaluate("document.body.append(document.createElement('button'))")
    assert [one.split(":")[0] for one in await faults(stranger)] == ["button-name"]
