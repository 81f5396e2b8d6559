"""An admin keeps the library at the page: from uploading to deleting, and what others see of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.library import act, choose, has_status, open_library, row, send, upload
from tests.browser.test_accessibility import DESK, PHONE, faults
from tests.manual_files import long_manual, small_manual
from tests.served import Service


async def test_the_whole_life_of_two_revisions(
    service: Service, open_page: OpenPage, machine: str, tmp_path: Path
) -> None:
    old, new = tmp_path / "Kran alt.pdf", tmp_path / "Kran neu.pdf"
    old.write_bytes(small_manual(machine, "A", "Die Zykloidschraube wird mit 21 Nm angezogen."))
    new.write_bytes(small_manual(machine, "B", "Die Zykloidschraube wird mit 34 Nm angezogen."))
    admin = await open_page(service, "admin")
    await open_library(admin)
    [form] = await choose(admin, new)
    await expect(form.get_by_label("Art", exact=True)).to_have_value("Betriebsanleitung")
    await expect(form.get_by_label("Revision", exact=True)).to_have_value("B")
    await expect(form.locator('[data-field="revision"]')).to_contain_text("Vorschlag")
    await form.get_by_label("Maschine", exact=True).fill("")
    await expect(form.locator('[data-field="machine"]')).not_to_contain_text("Vorschlag")
    await form.get_by_label("Maschine", exact=True).fill(machine)
    # What was sent and typed outlives the page.
    await admin.page.goto(service.address)
    await admin.can_ask()
    await open_library(admin)
    [form] = await admin.page.locator('.mw-file[data-state="form"]').all()
    await expect(form.get_by_label("Maschine", exact=True)).to_have_value(machine)
    await form.get_by_label("Gültig ab", exact=True).fill("2026-01-31")
    await expect(form.locator(".mw-plan")).to_contain_text("Wird dann für Antworten")
    await send(admin, new)
    # The older one comes later: it hides the newer one only when the admin says so.
    [form] = await choose(admin, old)
    await form.get_by_label("Maschine", exact=True).fill(machine)
    await expect(form.locator(".mw-plan")).to_contain_text("Revision B) ist nach Datum")
    await form.get_by_label("diese neue Datei").check()
    await expect(form.locator(".mw-plan")).to_contain_text("Löst dann")
    await form.get_by_label("weiterhin die jetzt aktive").check()
    await expect(form.locator(".mw-plan")).to_contain_text("bleibt aktiv")
    await send(admin, old)
    await admin.page.fill(".mw-tools input", machine)
    await expect(admin.page.locator(".mw-manuals tr[data-manual]")).to_have_count(2)
    await has_status(admin, "A", "superseded")
    await has_status(admin, "B", "active")

    await act(admin, "A", "Zu dieser Revision zurück")
    await has_status(admin, "A", "active")
    await has_status(admin, "B", "superseded")
    await act(admin, "A", "Abschalten")
    await has_status(admin, "A", "disabled")
    await act(admin, "A", "Einschalten")
    await has_status(admin, "A", "active")
    await act(admin, "B", "Löschen")
    await expect(row(admin, "B")).to_have_count(0)
    await has_status(admin, "A", "active")

    technician = await open_page(service)
    answer = await technician.ask(f"{machine}: Mit wie viel Nm wird die Zykloidschraube angezogen?")
    await expect(answer).to_contain_text("21 Nm")


async def test_two_files_at_once_and_a_page_that_nobody_could_read(
    service: Service, open_page: OpenPage, machine: str, tmp_path: Path
) -> None:
    """Read, but not answered from until somebody has looked at it."""
    good, bad = tmp_path / "good.pdf", tmp_path / "bad.pdf"
    good.write_bytes(small_manual(machine, "1", "Tighten to 21 Nm."))
    bad.write_bytes(small_manual(machine, "2", "Nobody reads this.", unreadable_page=True))
    admin = await open_page(service, "admin", locale="en-GB")
    await open_library(admin)
    page = admin.page
    for entry, revision in zip(await choose(admin, good, bad), ("1", "2"), strict=True):
        await entry.get_by_label("Machine").fill(machine)
        await entry.get_by_label("Type").fill("Manual")
        await entry.get_by_label("Revision").fill(revision)
        await entry.get_by_label("Language").select_option("de")
    await page.click(".mw-send")
    await expect(page.locator('.mw-job[data-status="done"]')).to_have_count(2)
    waiting = page.locator(".mw-job", has_text="bad.pdf").locator(".mw-state")
    await expect(waiting).to_have_text("done, needs release")
    await page.fill(".mw-tools input", machine)
    await has_status(admin, "1", "active")
    await has_status(admin, "2", "needs_release")

    await row(admin, "2").locator(".mw-open").click()
    doubtful = page.locator(".mw-quality [data-doubtful]")
    await expect(doubtful.locator("dt")).to_have_text("Pages not read")
    await expect(doubtful.locator("dd")).to_have_text("p. 2")
    await page.get_by_role("button", name="View pages").click()
    await expect(page.locator(".mw-read")).to_contain_text("not read")
    await expect(page.locator(".mw-inspect header small")).to_have_text("PDF page 2 of 2")
    await page.keyboard.press("Escape")
    await act(admin, "2", "Release")
    await has_status(admin, "2", "active")
    await has_status(admin, "1", "superseded")


async def test_progress_is_seen_and_reading_can_be_cancelled(
    service: Service, open_page: OpenPage, machine: str, tmp_path: Path
) -> None:
    file = tmp_path / "long.pdf"
    file.write_bytes(long_manual(machine, pages=800))
    admin = await open_page(service, "admin")
    await open_library(admin)
    page = admin.page
    [form] = await choose(admin, file)
    await form.get_by_label("Maschine").fill(machine)
    await page.click(".mw-send")
    job = page.locator(".mw-job", has_text="long.pdf")
    await expect(job.locator(".mw-state")).to_have_text(re.compile(r"Seite \d+ von 800"))
    await expect(job.locator("progress")).to_be_visible()
    await job.get_by_role("button", name="Abbrechen").click()
    await page.locator(".mw-question").get_by_role("button", name="Abbrechen").click()
    await expect(job).to_have_attribute("data-status", "cancelled")
    await page.fill(".mw-tools input", machine)
    await expect(page.locator(".mw-manuals")).to_contain_text("Dazu passt kein Handbuch")


async def test_a_job_that_failed_is_retried_when_its_cause_is_gone(
    service: Service, open_page: OpenPage, machine: str, tmp_path: Path
) -> None:
    """The folder of the manuals cannot be written to, until somebody puts that right."""
    file = tmp_path / "later.pdf"
    file.write_bytes(small_manual(machine, "1", "Mit 21 Nm anziehen."))
    admin = await open_page(service, "admin")
    await open_library(admin)
    page = admin.page
    [form] = await choose(admin, file)
    await form.get_by_label("Maschine", exact=True).fill(machine)
    manuals, aside = service.data_dir / "manuals", service.data_dir / "manuals aside"
    manuals.rename(aside)
    manuals.touch()
    try:
        await page.click(".mw-send")
        job = page.locator(".mw-job", has_text="later.pdf")
        await expect(job).to_have_attribute("data-status", "failed")
        await expect(job.locator(".mw-wrong")).to_contain_text("noch einmal versuchen")
    finally:
        manuals.unlink()
        aside.rename(manuals)
    await job.get_by_role("button", name="Noch einmal").click()
    await expect(job).to_have_attribute("data-status", "done")


async def test_a_page_beside_what_was_understood(service: Service, open_page: OpenPage) -> None:
    admin = await open_page(service, "admin")
    await open_library(admin)
    page = admin.page
    await page.fill(".mw-tools input", "HP 160")
    await page.locator(".mw-open").first.click()
    await page.get_by_role("button", name="Seiten ansehen").click()
    await page.get_by_label("PDF-Seite", exact=True).fill("12")
    await page.keyboard.press("Enter")
    await expect(page.locator(".mw-read")).to_contain_text("Seite 2-3")
    notice = page.locator(".mw-understood article").filter(has_text="Sicherheitshinweis").first
    await notice.click()
    marked = page.locator(".mw-part.mw-chosen").first
    await expect(marked).to_be_visible()
    picture, box = await page.locator(".mw-inspect img").bounding_box(), await marked.bounding_box()
    assert picture and box
    assert picture["y"] <= box["y"] < box["y"] + box["height"] <= picture["y"] + picture["height"]
    await expect(page.locator(".mw-grid th").first).to_be_visible()


async def test_bad_files_say_why_and_details_can_be_corrected(
    service: Service, open_page: OpenPage, machine: str, tmp_path: Path
) -> None:
    file = tmp_path / "details.pdf"
    file.write_bytes(small_manual(machine, "1", "Mit 21 Nm anziehen."))
    admin = await open_page(service, "admin")
    await open_library(admin)
    page = admin.page
    # Dropped, not chosen.
    dropped = await page.evaluate_handle(
        """(text) => {
            const files = new DataTransfer();
            files.items.add(new File([text], "text.pdf", {type: "application/pdf"}));
            return files;
        }""",
        "This is a text, whatever its name says.",
    )
    await page.dispatch_event(".mw-upload .mw-drop", "drop", {"dataTransfer": dropped})
    await expect(page.locator(".mw-file .mw-wrong")).to_contain_text("kein PDF")
    await page.get_by_role("button", name="Verwerfen").click()
    await upload(admin, file, Maschine="Falsch", Revision="7")
    await page.fill(".mw-tools input", "Falsch")
    await row(admin, "7").locator(".mw-open").click()
    await page.get_by_role("button", name="Angaben ändern").click()
    await page.locator(".mw-question").get_by_label("Maschine").fill(machine)
    await page.keyboard.press("Enter")
    await page.fill(".mw-tools input", machine)
    await has_status(admin, "7", "active")


async def test_sorting_and_searching(service: Service, open_page: OpenPage) -> None:
    admin = await open_page(service, "admin")
    await open_library(admin)
    page = admin.page

    async def counts() -> list[int]:
        cells = page.locator('.mw-manuals td[data-column="pages"]')
        return [int(text) for text in await cells.all_inner_texts()]

    header = page.get_by_role("columnheader", name="Seiten")
    await header.get_by_role("button").click()
    await expect(header).to_have_attribute("aria-sort", "ascending")
    assert await counts() == sorted(await counts())
    await header.get_by_role("button").click()
    await expect(header).to_have_attribute("aria-sort", "descending")
    assert await counts() == sorted(await counts(), reverse=True)
    await page.fill(".mw-tools input", "no such manual")
    await expect(page.locator(".mw-manuals")).to_contain_text("Dazu passt kein Handbuch")


async def test_on_a_phone_rows_are_cards(service: Service, open_page: OpenPage) -> None:
    admin = await open_page(
        service, "admin", viewport={"width": 390, "height": 844}, color_scheme="dark"
    )
    await open_library(admin)
    await admin.page.locator(".mw-open").first.click()
    await expect(admin.page.locator(".mw-quality")).to_be_visible()
    assert await admin.page.evaluate("document.documentElement.scrollWidth") <= 390
    for one in await admin.page.locator(".mw-library button:visible").all():
        box = await one.bounding_box()
        assert box
        assert box["height"] >= 44
        assert 0 <= box["x"] < box["x"] + box["width"] <= 390


@pytest.mark.parametrize("looks", [DESK, PHONE], ids=["desk-light", "phone-dark"])
async def test_everyone_can_use_it(
    looks: dict[str, Any], service: Service, open_page: OpenPage, tmp_path: Path
) -> None:
    """WCAG 2.2 A and AA, as far as axe-core can tell."""
    bad, good = tmp_path / "bad.pdf", tmp_path / "good.pdf"
    bad.write_text("No PDF.")
    good.write_bytes(small_manual("Kran WK 90", str(looks), "Mit 21 Nm anziehen."))
    admin = await open_page(service, "admin", **looks)
    await open_library(admin)
    page = admin.page
    await choose(admin, good)
    await page.set_input_files(".mw-upload .mw-choose input", bad)
    await expect(page.locator(".mw-file .mw-wrong")).to_be_visible()
    await expect(page.locator(".mw-plan")).to_be_visible()
    await page.locator(".mw-open").first.click()
    assert await faults(page) == [], "library"
    await page.locator(".mw-actions .mw-dangerous").click()
    assert await faults(page) == [], "question"
    await page.keyboard.press("Escape")
    await page.locator(".mw-actions button").first.click()
    await expect(page.locator(".mw-read")).to_be_visible()
    await page.locator(".mw-inspect nav input").fill("12")
    await page.keyboard.press("Enter")
    await expect(page.locator(".mw-part").first).to_be_visible()
    assert await faults(page) == [], "page beside its text"
    await page.keyboard.press("Escape")
    files = page.locator(".mw-file")
    for left in reversed(range(await files.count())):
        await files.first.locator("header button").click()
        await expect(files).to_have_count(left)


async def test_others_are_not_offered_it(service: Service, open_page: OpenPage) -> None:
    """What they send by hand all the same is refused: ``tests/api/test_manual_routes.py``."""
    for name in ("technician", "qa"):
        person = await open_page(service, name)
        await expect(person.page.locator("#starters button").first).to_be_visible()
        assert "Handbücher verwalten" not in await person.page.locator("body").inner_text()
        await expect(person.page.locator("#command-button")).to_have_count(0)
        assert await person.call("DELETE", "/api/admin/manuals/any") == 403
