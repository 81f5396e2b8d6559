"""The main job in the browser: ask, read, open the source, find the right page there."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.person import Person
from tests.served import Service
from tests.stand_in.ollama import OllamaStandIn, Reply

Gold = dict[str, dict[str, Any]]


def norm(text: str) -> str:
    return " ".join(text.split())


async def shows_right_page(person: Person, question: dict[str, Any]) -> None:
    """One of the cards opens a right page, in the right manual, with something marked on it."""
    places = []
    for card in await person.cards.all():
        viewer = await person.open_card(card)
        sheets = viewer.locator("figure:has(.mw-mark)")
        pages = [int(await one.get_attribute("data-page") or 0) for one in await sheets.all()]
        places.append((await viewer.locator("h2").inner_text(), pages))
        await person.close_viewer()
        if set(pages) & set(question["pages"]):
            return
    pytest.fail(f"no card opens one of the pages {question['pages']}: {places}")


@pytest.mark.parametrize("asked", ["de-fault-01", "de-parts-01", "de-fault-23"])
async def test_german_compressor(
    asked: str, service: Service, open_page: OpenPage, gold: Gold
) -> None:
    """A fault code, a value from a table, a procedure."""
    person = await open_page(service)
    question = gold[asked]
    answer = await person.ask(question["question"])
    assert question["must_contain"] in norm(await answer.inner_text())
    await expect(person.cards.first).to_contain_text("Seite")
    await shows_right_page(person, question)


@pytest.mark.parametrize("asked", ["en-fault-01", "en-parts-03", "en-fault-10"])
async def test_english_press(asked: str, service: Service, open_page: OpenPage, gold: Gold) -> None:
    person = await open_page(service, locale="en-GB")
    question = gold[asked]
    answer = await person.ask(question["question"])
    assert question["must_contain"] in norm(await answer.inner_text())
    await expect(person.cards.first).to_contain_text("Page")
    await shows_right_page(person, question)


async def test_safety_notices_stand_above_the_answer(
    service: Service, open_page: OpenPage, gold: Gold
) -> None:
    person = await open_page(service)
    answer = await person.ask(gold["de-fault-16"]["question"])
    notices = person.page.locator(".mw-notices").last
    await expect(notices.locator(".mw-notice").first).to_be_visible()
    above, below = await notices.bounding_box(), await answer.bounding_box()
    assert above and below
    assert above["y"] + above["height"] <= below["y"]


async def test_the_printed_page_and_the_pdf_at_that_page(
    service: Service, open_page: OpenPage, gold: Gold
) -> None:
    """The card names what is printed on the page; the link opens the file at the physical one."""
    person = await open_page(service, locale="en-GB")
    await person.ask(gold["en-fault-01"]["question"])
    card = person.cards.filter(has_text="HP 160").filter(has_text="E-104").first
    await expect(card.locator(".mw-page")).to_contain_text(re.compile(r"Page \d+-\d+"))
    link = await card.locator("a").get_attribute("href") or ""
    assert re.search(r"/api/v1/manuals/[\w-]+/file#page=\d+$", link)
    assert int(link.rsplit("=", 1)[1]) in gold["en-fault-01"]["pages"]
    assert await person.call("GET", link.split("#")[0]) == 200


async def test_without_a_model_it_quotes_and_says_how_to_switch_it_on(
    service: Service, open_page: OpenPage, gold: Gold
) -> None:
    person = await open_page(service)
    answer = await person.ask(gold["de-fault-01"]["question"])
    await expect(answer).to_contain_text("Zitat aus dem Handbuch")
    await expect(answer).to_contain_text("ollama serve")


async def test_what_is_not_in_the_manuals_is_refused(
    service: Service, open_page: OpenPage, gold: Gold
) -> None:
    person = await open_page(service)
    await person.type(gold["de-fault-33"]["question"])
    await person.until_answered(0)
    await expect(person.answers.last).to_contain_text("steht nicht in den Handbüchern")


async def test_text_streams_and_sources_come_before_it(
    service_with_model: Service, ollama: OllamaStandIn, open_page: OpenPage, gold: Gold
) -> None:
    """Half of the answer is on the page while the model still holds back the rest."""
    person = await open_page(service_with_model)
    gate = threading.Event()
    text = "Der Ölstand ist zu niedrig oder der Kühler verschmutzt [1]. Öl bis MAX nachfüllen [1]."
    ollama.enqueue(Reply(text, gate=gate, gate_after=6))
    try:
        await person.type(gold["de-fault-01"]["question"])
        await expect(person.cards.first).to_be_visible()
        message = person.page.locator(".ai-message", has=person.page.locator(".mw-sources")).last
        await expect(message).to_contain_text("Der Öl")
        assert "nachfüllen [1]" not in await message.inner_text()
        await expect(person.page.locator("#stop-button")).to_be_visible()
    finally:
        gate.set()
    await person.until_answered(0)
    await expect(person.answers.last).to_contain_text("Öl bis MAX nachfüllen")
    await shows_right_page(person, gold["de-fault-01"])


async def test_places_that_the_answer_does_not_rest_on_stand_apart(
    service_with_model: Service, ollama: OllamaStandIn, open_page: OpenPage, gold: Gold
) -> None:
    """The model reads several passages and cites one; that stays so when it is opened again."""
    person = await open_page(service_with_model)
    ollama.enqueue(Reply("Die Stellen stehen im Handbuch [2]."))
    await person.ask(gold["de-fault-16"]["question"])
    for _ in range(2):
        groups = person.page.locator(".mw-sources > div")
        await expect(groups).to_have_count(2)
        await expect(groups.first.locator("h2")).to_have_text("Quellen – antippen öffnet die Seite")
        await expect(groups.first.locator(".mw-n")).to_have_text(["2"])
        await expect(groups.last.locator("h2")).to_contain_text("Weitere Fundstellen")
        await expect(groups.last.locator(".mw-n").first).to_have_text("1")
        await person.page.reload()


async def test_model_killed_in_mid_answer(
    service_with_model: Service, ollama: OllamaStandIn, open_page: OpenPage, gold: Gold
) -> None:
    """The answer is finished from the manual, and says so. (Asked anew: not the kept answer.)"""
    person = await open_page(service_with_model)
    ollama.enqueue(Reply("Der Ölstand ist zu niedrig " * 20, gate=threading.Event(), gate_after=9))
    await person.type(gold["de-fault-01"]["question"] + " Bitte!")
    await expect(person.page.locator(".ai-message").last).to_contain_text("Der Ölstand")
    ollama.stop()
    try:
        await person.until_answered(0)
    finally:
        ollama.start()
    answer = person.answers.last
    await expect(answer).to_contain_text("mitten in der Antwort aufgehört")
    assert gold["de-fault-01"]["must_contain"] in norm(await answer.inner_text())


async def test_stop_cancels_the_call_to_the_model(
    service_with_model: Service, ollama: OllamaStandIn, open_page: OpenPage, gold: Gold
) -> None:
    person = await open_page(service_with_model)
    number = len(ollama.history) + 1
    ollama.enqueue(Reply("Der Ölstand ist zu niedrig " * 20, gate=threading.Event(), gate_after=9))
    await person.type(gold["de-fault-01"]["question"] + " Danke!")
    await expect(person.page.locator(".ai-message").last).to_contain_text("Der Ölstand")
    await person.page.click("#stop-button")
    request = ollama.wait_for_request(number)
    assert request.cancelled.wait(10)
    await expect(person.page.locator(".ai-message").last).to_contain_text("Angehalten")
    assert "Task manually stopped" not in await person.page.locator("body").inner_text()


async def test_reload_keeps_answer_cards_and_notices(
    service: Service, open_page: OpenPage, gold: Gold
) -> None:
    person = await open_page(service)
    answer = await person.ask(gold["de-fault-16"]["question"])
    await expect(person.page.locator(".mw-notice").first).to_be_visible()
    text = norm(await answer.locator(".message-content > div").first.inner_text())
    cards, notices = await person.cards.count(), await person.page.locator(".mw-notice").count()
    assert "/thread/" in person.page.url
    await person.page.reload()
    await expect(person.answers).to_have_count(1)
    await expect(person.cards).to_have_count(cards)
    await expect(person.page.locator(".mw-notice")).to_have_count(notices)
    assert norm(await person.answers.locator(".message-content > div").first.inner_text()) == text
    await shows_right_page(person, gold["de-fault-16"])


async def test_chosen_machine_is_the_only_one_that_answers(
    service: Service, open_page: OpenPage
) -> None:
    """E-104 means one thing on the compressor and another on the press."""
    person = await open_page(service, path="/?machine=Hydraulic%20Press%20HP%20160")
    picker = person.page.locator("#mode-picker-trigger-machine")
    await expect(picker).to_contain_text("HP 160")
    answer = await person.ask("E-104")
    await expect(answer).to_contain_text("Ejector following error")
    assert "Verdichtungsendtemperatur" not in await answer.inner_text()
    for card in await person.cards.all():
        await expect(card).to_contain_text("HP 160")
