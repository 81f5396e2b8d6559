"""Under an answer: what is wrong, copy, print, ask again, and how the answer was made."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import OpenPage
from tests.browser.person import Person
from tests.served import Service
from tests.stand_in.ollama import OllamaStandIn

Gold = dict[str, dict[str, Any]]
PHONE = {"width": 390, "height": 844}
ASKED = "de-fault-16"  # has safety notices


def tool(person: Person, name: str) -> Locator:
    return person.page.locator(f".mw-tools [data-tool={name}]").last


def kept_rating(service: Service, question: str) -> tuple[int, str] | None:
    """Value and reason of the rating of the latest answer to ``question``."""
    with sqlite3.connect(service.data_dir / "millwright.db") as database:
        row = database.execute(
            "SELECT r.value, r.reason FROM answers a LEFT JOIN ratings r ON r.answer_id = a.id "
            "WHERE a.question = ? ORDER BY a.rowid DESC",
            (question,),
        ).fetchone()
    database.close()
    return row if row and row[0] is not None else None


@pytest.mark.parametrize("reason", ["wrong_page", "wrong_value", "warning_missing"])
async def test_one_tap_says_what_is_wrong(
    reason: str, service: Service, open_page: OpenPage
) -> None:
    person = await open_page(service, viewport=PHONE)
    question = f"Was bedeutet E-104? ({reason})"
    await person.ask(question)
    async with person.page.expect_request("**/feedback") as sent:
        await tool(person, reason).click()
    await expect(tool(person, reason)).to_have_attribute("aria-pressed", "true")
    await expect(person.page.locator(".mw-said")).to_contain_text("Danke")
    assert kept_rating(service, question) == (0, reason)

    forged = (await sent.value).post_data_json
    stranger = await open_page(service, "qa")
    assert await stranger.call("PUT", "/feedback", forged) == 403
    forged["feedback"]["reason"] = "<script>"
    assert await person.call("PUT", "/feedback", forged) == 422
    assert await stranger.page.evaluate(
        "run => fetch(`/feedback/${run}`).then(answer => answer.json())",
        forged["feedback"]["forId"],
    ) == {"reason": ""}
    await person.page.reload()
    await expect(person.page.locator(".negative-feedback-on")).to_have_count(1)
    await expect(tool(person, reason)).to_have_attribute("aria-pressed", "true")


async def test_a_second_tap_takes_it_back(service: Service, open_page: OpenPage) -> None:
    person = await open_page(service, locale="en-GB")
    question = "What does E-104 mean? (taken back)"
    await person.ask(question)
    await tool(person, "wrong_value").click()
    await expect(person.page.locator(".mw-said")).to_contain_text("noted")
    await tool(person, "wrong_value").click()
    await expect(person.page.locator(".mw-said")).to_contain_text("Taken back")
    assert kept_rating(service, question) in (None, (-1, ""))


async def test_copy_holds_question_answer_notices_and_pages(
    service: Service, open_page: OpenPage, gold: Gold
) -> None:
    person = await open_page(service)
    await person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await person.ask(gold[ASKED]["question"])
    notice = person.page.locator(".mw-notice").first
    await expect(notice).to_be_visible()
    await tool(person, "copy").click()
    await expect(person.page.locator(".mw-said")).to_contain_text("Kopiert")
    copied = await person.page.evaluate("navigator.clipboard.readText()")
    copied = " ".join(copied.split())
    assert gold[ASKED]["question"] in copied
    assert gold[ASKED]["must_contain"] in copied
    assert " ".join((await notice.locator("p").inner_text()).split()) in copied
    for card in await person.cards.all():
        page = (await card.locator(".mw-page").inner_text()).split("·")[0].strip()
        assert page in copied


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_paper_holds_one_answer_and_nothing_else(
    scheme: str, service: Service, open_page: OpenPage, gold: Gold
) -> None:
    person = await open_page(service, color_scheme=scheme)
    await person.ask("Was bedeutet E-104?")
    await person.ask(gold[ASKED]["question"])
    # The browser's dialog would wait for a printer.
    await person.page.evaluate("() => { window.print = () => { window.printed = true } }")
    await tool(person, "print").click()
    await person.page.wait_for_function("window.printed")
    await person.page.emulate_media(media="print", color_scheme=scheme)
    shown = await person.page.locator("body").inner_text()
    assert gold[ASKED]["question"] in shown
    assert "Was bedeutet E-104?" not in shown
    assert gold[ASKED]["must_contain"] in " ".join(shown.split())
    for part in (".mw-notice", ".mw-card"):
        await expect(person.page.locator(f".mw-paper {part}").first).to_be_visible()
    link = await person.cards.first.locator("a").get_attribute("href") or ""
    sheets = person.page.locator(".mw-paper figure")
    await expect(sheets.first).to_have_attribute("data-page", link.rsplit("=", 1)[1])
    widths = "all => all.map(one => one.naturalWidth)"
    assert min(await sheets.locator("img").evaluate_all(widths)) >= 1000
    await expect(sheets.first.locator(".mw-mark").first).to_be_visible()
    await expect(person.page.locator("#message-composer")).to_be_hidden()
    await expect(person.page.locator(".mw-paper .mw-tools")).to_have_count(0)
    colour = "getComputedStyle(document.querySelector('.mw-paper p')).color"
    assert await person.page.evaluate(colour) in ("rgb(0, 0, 0)", "rgb(17, 17, 17)")


async def test_ask_again_keeps_the_machine(service: Service, open_page: OpenPage) -> None:
    """E-104 means something else on the other machine."""
    person = await open_page(service, path="/?machine=Hydraulic%20Press%20HP%20160")
    await person.ask("E-104")
    for answers in (1, 2):
        await tool(person, "again").click()
        await person.until_answered(answers)
        await expect(person.answers.last).to_contain_text("Ejector following error")
        assert "Verdichtungsendtemperatur" not in await person.answers.last.inner_text()
        await person.page.reload()  # a server that has forgotten finds it in the history
        await expect(person.answers).to_have_count(answers + 1)
        await person.can_ask()


async def test_how_the_answer_was_made_stays_and_can_be_saved(
    service: Service, open_page: OpenPage, gold: Gold, tmp_path: Path
) -> None:
    person = await open_page(service, viewport=PHONE)
    await person.ask(gold["de-fault-01"]["question"])
    await person.page.reload()
    made = person.page.locator(".mw-made")
    await expect(made.locator("summary")).to_have_text("So ist diese Antwort entstanden")
    await expect(made.locator(".mw-made-body")).to_be_hidden()
    await made.locator("summary").click()
    await expect(made.locator(".mw-made-body")).to_contain_text("SHA-256")
    await expect(made.locator(".mw-made-body")).to_contain_text("ohne Sprachmodell")
    assert await person.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    async with person.page.expect_download() as saving:
        await tool(person, "save").click()
    file = tmp_path / "record.json"
    await (await saving.value).save_as(file)
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["question"] == gold["de-fault-01"]["question"]
    passages = record["provenance"]["passages"]
    assert {one["page"] for one in passages} & set(gold["de-fault-01"]["pages"])
    assert all(len(one["sha256"]) == 64 and one["chunk_id"] for one in passages)
    assert record["provenance"]["timings_ms"]


async def test_checked_values_and_the_model_are_named(
    service_with_model: Service, ollama: OllamaStandIn, open_page: OpenPage, gold: Gold
) -> None:
    person = await open_page(service_with_model, color_scheme="dark", viewport=PHONE)
    ollama.enqueue("Die gesamte Füllmenge beträgt 18 l [1].")
    await person.ask(gold[ASKED]["question"])
    made = person.page.locator(".mw-made")
    await made.locator("summary").click()
    await expect(made).to_contain_text("18 l steht im Handbuch [1]")
    await expect(made).to_contain_text("Prompt-Version")
    await expect(made).to_contain_text("Antwort schreiben und prüfen")
    await expect(made).not_to_contain_text("generate")
    await expect(made).not_to_contain_text("ohne Sprachmodell")
