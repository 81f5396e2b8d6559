"""The page itself: without a network, on a phone, in two languages, for screen readers."""

from __future__ import annotations

import sys
import time

import pytest
from playwright.async_api import APIResponse, Page, Request, Route, expect

from rag.messages import say
from tests.browser.conftest import OpenPage
from tests.served import Service


async def test_log_in_page_sends_nothing_to_anywhere_else(service: Service, stranger: Page) -> None:
    """Every request stays on this server: so it works with no way out of the machine."""
    asked: list[str] = []
    failed: list[str] = []
    stranger.on("request", lambda request: asked.append(request.url))

    def note(request: Request) -> None:
        failed.append(request.url)

    stranger.on("requestfailed", note)
    started = time.monotonic()
    await stranger.goto(f"{service.address}/login")
    await expect(stranger.locator("#email")).to_be_visible()
    sys.stdout.write(f"log-in page after {time.monotonic() - started:.1f} s\n")
    await stranger.wait_for_load_state("networkidle")
    foreign = [url for url in asked if not url.startswith((service.address, "data:", "blob:"))]
    assert foreign == []
    assert failed == []
    assert f"{service.address}/public/millwright.css" in asked


async def test_nor_does_a_whole_conversation(service: Service, open_page: OpenPage) -> None:
    person = await open_page(service)
    asked: list[str] = []
    broken: list[str] = []
    person.page.on("request", lambda request: asked.append(request.url))
    person.page.on(
        "console", lambda said: broken.append(said.text) if "Security Policy" in said.text else None
    )
    await person.page.reload()
    await person.can_ask()
    await person.ask("Was bedeutet E-104?")
    await person.open_card(person.cards.first)
    own = (service.address, service.address.replace("http", "ws"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    assert broken == []


@pytest.mark.parametrize(
    ("locale", "language", "words"),
    [
        ("de-AT", "de", ("Was steht im Handbuch?", "Hier antwortet eine KI", "Alle Maschinen")),
        ("en-GB", "en", ("What does the manual say?", "An AI answers here", "All machines")),
        ("fr-FR", "en", ("What does the manual say?", "An AI answers here", "All machines")),
    ],
)
async def test_first_screen_in_the_browsers_language(
    locale: str, language: str, words: tuple[str, ...], service: Service, open_page: OpenPage
) -> None:
    person = await open_page(service, locale=locale)
    for text in words:
        await expect(person.page.get_by_text(text).first).to_be_visible()
    await expect(person.page.locator("html")).to_have_attribute("lang", language)
    await expect(person.page.locator("#starters button").first).to_be_visible()


async def test_starters_ask_what_the_manuals_answer(service: Service, open_page: OpenPage) -> None:
    person = await open_page(service)
    starters = person.page.locator("#starters button")
    await expect(starters).to_have_count(4)
    await starters.first.click()
    await person.until_answered(0)
    await expect(person.cards.first).to_be_visible()
    await expect(person.answers.last).to_contain_text("Code")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_phone_needs_no_sideways_scrolling(
    scheme: str, service: Service, open_page: OpenPage
) -> None:
    person = await open_page(
        service, viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True
    )
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert await person.page.evaluate(fits)
    await person.ask("Öl wechseln am Kompressor, wie geht der Ablauf?")
    assert await person.page.evaluate(fits)
    await person.open_card(person.cards.first)
    assert await person.page.evaluate(fits)
    dark = await person.page.evaluate("document.documentElement.classList.contains('dark')")
    assert dark == (scheme == "dark")


async def test_what_is_tapped_is_large_enough_and_has_a_name(
    service: Service, open_page: OpenPage
) -> None:
    """44 px each way (WCAG 2.5.5), and a name for those who do not see the picture."""
    person = await open_page(service, viewport={"width": 390, "height": 844})
    await person.ask("Was bedeutet E-104?")
    small = await person.page.evaluate(
        """() => [...document.querySelectorAll("button, .mw-card a, #chat-input")]
            .filter(node => node.checkVisibility() && node.getBoundingClientRect().width > 1)
            .map(node => [node.id || node.className, node.getBoundingClientRect()])
            .filter(([, box]) => box.height < 39.5 || box.width < 39.5)
            .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""
    )
    assert small == []
    nameless = await person.page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, textarea")]
            .filter(node => node.checkVisibility())
            .filter(node => !(node.ariaLabel || node.innerText.trim() || node.placeholder))
            .map(node => node.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


async def test_a_long_name_is_whole_and_pushes_nothing_out(
    service: Service, open_page: OpenPage
) -> None:
    """The end of a machine's name is what tells it from the others."""
    phone = {"width": 390, "height": 844}
    path = "/?machine=Schraubenkompressor%20SK%2037"
    person = await open_page(service, viewport=phone, path=path)
    name = person.page.locator("#mode-picker-trigger-machine span")
    await expect(name).to_have_text("Schraubenkompressor SK 37")
    assert await name.evaluate("one => one.scrollWidth <= one.clientWidth")
    right = "one => one.getBoundingClientRect().right"
    send = await person.page.locator("#chat-submit").evaluate(right)
    assert send <= await person.page.locator("#message-composer").evaluate(right)


async def test_wrong_password_is_said_in_the_users_language(
    service: Service, stranger: Page
) -> None:
    await stranger.goto(f"{service.address}/login")
    await stranger.fill("#email", "nobody")
    await stranger.fill("#password", "wrong-password")
    await stranger.click("button[type=submit]")
    await expect(stranger.get_by_text("Benutzername oder Passwort stimmt nicht.")).to_be_visible()
    toast = stranger.locator("[data-sonner-toast]")
    await expect(toast).to_have_count(1)
    await expect(toast).to_be_hidden()  # "Unauthorized: credentialssignin"


async def test_who_tries_too_often_is_told_how_long_to_wait(
    service: Service, stranger: Page
) -> None:
    told = say("error.too_many_logins", "de", seconds=12)

    async def refuse(route: Route) -> None:
        await route.fulfill(status=429, json={"detail": told})

    await stranger.goto(f"{service.address}/login")
    await stranger.route("**/login", refuse)
    await stranger.fill("#email", "nobody")
    await stranger.fill("#password", "wrong-password")
    await stranger.click("button[type=submit]")
    await expect(stranger.locator("[data-sonner-toast]")).to_have_text(told)


async def test_a_conversation_is_shown_whichever_connection_is_ready_last(
    service: Service, open_page: OpenPage
) -> None:
    """Chainlit connects twice to a conversation's address, at first without naming it."""
    person = await open_page(service)
    await person.ask("Was bedeutet E-104? (zweimal verbunden)")
    held: list[tuple[Route, APIResponse]] = []

    async def first_comes_last(route: Route) -> None:
        held.append((route, await route.fetch()))
        if len(held) == 2:
            for one, answer in reversed(held):
                await one.fulfill(response=answer)

    await person.page.route("**/set-session-cookie", first_comes_last)
    await person.page.reload()
    await expect(person.answers).to_have_count(1)
    assert len(held) == 2
