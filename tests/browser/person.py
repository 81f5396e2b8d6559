"""What a person does at the page, in their words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.served import Service


@dataclass
class Person:
    """Somebody at a page of the service."""

    page: Page
    service: Service

    async def log_in(self, name: str, password: str, path: str = "/") -> None:
        await self.page.goto(f"{self.service.address}/login")
        await self.page.fill("#email", name)
        await self.page.fill("#password", password)
        await self.page.click("button[type=submit]")
        await expect(self.page.locator("#chat-input")).to_be_visible()
        if path != "/":
            await self.page.goto(f"{self.service.address}{path}")
        await self.can_ask()

    async def can_ask(self) -> None:
        """Until the socket is there: the pickers come with it."""
        await expect(self.page.locator("#mode-picker-trigger-machine")).to_be_enabled()

    async def type(self, question: str) -> None:
        """Send a question and wait until something happens."""
        await self.page.fill("#chat-input", question)
        await self.page.click("#chat-submit")  # waits until the chat is connected
        await expect(self.page.locator('[data-step-type="user_message"]').last).to_contain_text(
            question
        )

    async def ask(self, question: str) -> Locator:
        """Send a question and wait for the end of its answer; the answer's text is returned."""
        before = await self.answers.count()
        await self.type(question)
        await self.until_answered(before)
        # Cards are drawn by a file of their own, which comes a little later.
        await expect(self.cards.first).to_be_visible()
        await expect(self.answers.last.locator(".mw-tools")).to_be_visible()
        return self.answers.last

    async def until_answered(self, before: int) -> None:
        # The thumbs appear when an answer is finished, and only then.
        await expect(
            self.page.locator(".negative-feedback-off, .negative-feedback-on")
        ).to_have_count(before + 1)

    @property
    def answers(self) -> Locator:
        """The finished answers."""
        return self.page.locator(".ai-message:has(.negative-feedback-off, .negative-feedback-on)")

    @property
    def cards(self) -> Locator:
        """The source cards of the last answer."""
        return self.page.locator(".mw-sources").last.locator(".mw-card")

    async def open_card(self, card: Locator) -> Locator:
        """Open the page that a card stands for, and wait for its picture."""
        await card.locator("button").click()
        viewer = self.page.locator(".mw-viewer")
        await expect(viewer).to_be_visible()
        await viewer.locator("img").first.evaluate("image => image.decode()")
        return viewer

    async def close_viewer(self) -> None:
        await self.page.keyboard.press("Escape")
        await expect(self.page.locator(".mw-viewer")).to_have_count(0)

    async def open_menu(self) -> Locator:
        """An admin's commands."""
        await self.page.click("#command-button")
        menu = self.page.locator("#command-popover")
        await expect(menu).to_be_visible()
        return menu

    async def call_up(self, title: str) -> None:
        """Pick a command of the menu; that is all there is to do."""
        await (await self.open_menu()).get_by_text(title, exact=True).click()

    async def choose_upload(self) -> None:
        """Pick the command and wait for the form."""
        await self.call_up("Upload")
        await expect(self.page.locator("#ask-upload-button").last).to_be_visible()

    async def hand_over(self, file: Path) -> None:
        await self.page.set_input_files("#ask-button-input", file)

    async def call(self, method: str, path: str, body: Any = None) -> int:
        """The status of a call made by hand with this person's cookie, as a script would."""
        return await self.page.evaluate(
            """async ([method, path, body]) => {
                const options = {method, headers: {"Content-Type": "application/json"}};
                if (body !== null) options.body = JSON.stringify(body);
                return (await fetch(path, options)).status;
            }""",
            [method, path, body],
        )
