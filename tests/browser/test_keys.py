"""An admin makes a key at the page, a script uses it, and the admin revokes it."""

from __future__ import annotations

import re
import uuid
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, expect

from rag.messages import say
from tests.browser.conftest import OpenPage
from tests.browser.person import Person
from tests.browser.test_accessibility import DESK, FITS, PHONE, faults
from tests.served import Service


async def open_keys(admin: Person, language: Any) -> Locator:
    """Choose the command of the menu, which fits the window; the element with its form."""
    page = admin.page
    menu = await admin.open_menu()
    await expect(menu.get_by_text(say("model.command", language))).to_be_in_viewport(ratio=1)
    await menu.get_by_text(say("keys.title", language), exact=True).click()
    await expect(page.locator(".mw-keys .mw-new-key")).to_be_visible()
    return page.locator(".mw-keys")


@pytest.mark.parametrize(
    ("looks", "language"), [(DESK, "de"), (PHONE, "en")], ids=["desk", "phone"]
)
async def test_a_key_is_shown_once_used_and_revoked(
    service: Service, open_page: OpenPage, looks: dict[str, Any], language: Any
) -> None:
    name = f"Leitstand {uuid.uuid4().hex[:6]}"
    admin = await open_page(service, "admin", **looks)
    keys = await open_keys(admin, language)
    await keys.locator("[name=key-name]").fill(name)
    await keys.locator("[name=upload]").check()
    assert await faults(admin.page) == []
    assert await admin.page.evaluate(FITS)
    await keys.locator(".mw-new-key .mw-main").click()
    shown = keys.locator(".mw-token input")
    await expect(shown).to_have_value(re.compile(r"mw_[0-9a-f]{12}_[\w-]{43}"))
    token = await shown.input_value()
    await keys.locator(".mw-token .mw-main").click()
    await expect(keys.locator(".mw-token .mw-main")).to_have_text(say("keys.copied", language))
    assert await faults(admin.page) == []
    assert await admin.page.evaluate(FITS)

    async with httpx.AsyncClient(headers={"X-API-Key": token}) as script:
        manuals = f"{service.address}/api/v1/manuals"
        assert (await script.get(manuals)).status_code == 200
        await keys.locator(".mw-token button").last.click()
        await expect(keys.locator(".mw-token")).to_have_count(0)
        assert token not in await admin.page.content()
        key = keys.locator(".mw-key", has_text=name)
        await key.get_by_role("button").click()
        question = admin.page.locator(".mw-question")
        await question.get_by_role("button", name=say("keys.revoke", language)).click()
        await expect(key).to_have_attribute("data-state", "revoked")
        assert (await script.get(manuals)).status_code == 401


async def test_nobody_else_sees_keys(service: Service, open_page: OpenPage) -> None:
    technician = await open_page(service)
    assert await technician.call("GET", "/api/admin/keys") == 403
    body = {"name": "x", "scopes": ["ask"], "days": 1}
    assert await technician.call("POST", "/api/admin/keys", body) == 403
    await expect(technician.page.locator("#command-button")).to_have_count(0)


async def test_what_is_called_up_next_begins_at_the_top(
    service: Service, open_page: OpenPage
) -> None:
    """Also below a long board, where there is little of it."""
    admin = await open_page(service, "admin", **PHONE)
    await open_keys(admin, "en")
    await admin.call_up(say("model.title", "en"))
    await expect(admin.page.locator(".mw-model li").first).to_be_in_viewport()
    asked = admin.page.locator('[data-step-type="user_message"]').last
    await expect(asked).to_be_in_viewport(ratio=1)
    await admin.page.click("#sidebar-trigger-button")
    chats = admin.page.locator('[data-sidebar="menu"] a')
    await expect(chats.first).to_have_text(say("keys.title", "en"))


async def test_what_lies_beside_the_way_to_the_end_can_be_tapped(
    service: Service, open_page: OpenPage
) -> None:
    """Chainlit lays a row as wide as the chat around its arrow, just when one begins to scroll."""
    admin = await open_page(service, "admin", **PHONE)
    for number in range(8):
        body = {"name": f"long list {number}", "scopes": ["ask"], "days": 1}
        assert await admin.call("POST", "/api/admin/keys", body) == 201
    await open_keys(admin, "en")
    await admin.page.mouse.move(40, 400)
    await admin.page.mouse.wheel(0, 60)
    arrow = admin.page.locator(".absolute.bottom-4 > button.rounded-full")
    await expect(arrow).to_be_visible()
    beside = "button => document.elementFromPoint(40, button.getBoundingClientRect().top + 5)"
    covered = await arrow.evaluate(f"button => !!({beside})(button).closest('.bottom-4')")
    assert not covered
    await arrow.click()
    await expect(arrow).to_have_count(0)
