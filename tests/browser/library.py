"""What an admin does in the library at the page, in their words."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Locator, expect

from tests.browser.person import Person


async def open_library(admin: Person) -> None:
    await admin.page.locator("#starters button").last.click()
    await expect(admin.page.locator(".mw-manuals tbody tr").first).to_be_visible()


async def choose(admin: Person, *files: Path) -> list[Locator]:
    """Choose ``files``; the forms that ask about each, when all have been looked at."""
    await admin.page.set_input_files(".mw-upload .mw-choose input", files)
    forms = admin.page.locator('.mw-file[data-state="form"]')
    await expect(forms).to_have_count(len(files))
    return await forms.all()


async def upload(admin: Person, *files: Path, **fields: str) -> None:
    """Choose ``files``, say the same of each, and have them read."""
    for entry in await choose(admin, *files):
        for label, text in fields.items():
            await entry.get_by_label(label.replace("_", " "), exact=True).fill(text)
    await send(admin, *files)


async def send(admin: Person, *files: Path) -> None:
    """Have what was chosen read, and wait until it is."""
    page = admin.page
    await page.click(".mw-send")
    await expect(page.locator(".mw-file")).to_have_count(0)
    for file in files:
        job = page.locator(".mw-job", has_text=file.name)
        await expect(job).to_have_attribute("data-status", "done")
        await job.get_by_role("button").click()
        await expect(job).to_have_count(0)


def row(admin: Person, revision: str) -> Locator:
    cell = admin.page.locator('[data-column="revision"]').get_by_text(revision, exact=True)
    return admin.page.locator(".mw-manuals tr[data-manual]", has=cell)


async def act(admin: Person, revision: str, action: str) -> None:
    """Open the row of a revision, press a button there and say yes."""
    title = row(admin, revision).locator(".mw-open")
    if await title.get_attribute("aria-expanded") != "true":
        await title.click()
    await admin.page.locator(".mw-actions").get_by_role("button", name=action, exact=True).click()
    await admin.page.locator(".mw-question").get_by_role("button", name=action, exact=True).click()
    await expect(admin.page.locator(".mw-question")).to_have_count(0)


async def has_status(admin: Person, revision: str, status: str) -> None:
    await expect(row(admin, revision)).to_have_attribute("data-status", status)
