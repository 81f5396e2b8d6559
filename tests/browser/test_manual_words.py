"""A plant's own words at the page: uploaded, checked, in use at once, taken back."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.library import open_library, upload
from tests.manual_files import small_manual
from tests.served import Service


async def test_the_plants_own_words(
    service: Service, open_page: OpenPage, machine: str, tmp_path: Path
) -> None:
    """A word of the shop floor finds the manual's page as soon as it is uploaded; and no more when
    it is taken back."""
    manual, good, bad = (tmp_path / name for name in ("a.pdf", "good.csv", "bad.csv"))
    manual.write_bytes(small_manual(machine, "1", "Die Zykloidschraube erhaelt 21 Nm."))
    good.write_text("id;de;en\nzyk;Wackelpeter|Zykloidschraube;\n")
    bad.write_text("id;de;en\nzyk;Wackelpeter|Zykloidschraube;\nallein;Quirl;\nkaputt\n")
    admin = await open_page(service, "admin")
    await open_library(admin)
    page = admin.page
    await upload(admin, manual, Maschine=machine)
    lists = page.locator(".mw-words [data-version]")
    await expect(lists.first).to_be_visible()
    before = await lists.count()
    await page.set_input_files(".mw-words input", bad)
    wrong = page.locator(".mw-words .mw-wrong li")
    await expect(wrong).to_contain_text(["Zeile 3", "Zeile 4"])
    await expect(lists).to_have_count(before)
    await page.set_input_files(".mw-words input", good)
    await expect(page.locator(".mw-words [data-in-use]")).to_contain_text("good.csv")
    await expect(lists).to_have_count(before + 1)

    technician = await open_page(service)
    question = f"{machine}: Wackelpeter?"
    answer = await technician.ask(question)
    await expect(answer).to_contain_text("Zykloidschraube erhaelt 21 Nm")

    await page.get_by_role("button", name="Ohne eigene Wörter").click()
    await page.locator(".mw-question").get_by_role("button", name="Ohne eigene Wörter").click()
    await expect(page.locator(".mw-words [data-in-use]")).to_have_count(0)
    await expect(page.get_by_role("button", name="Diese Fassung benutzen").first).to_be_visible()
