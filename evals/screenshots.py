"""Pictures of the chat as people see it: ``python -m evals.screenshots [--out FOLDER]``.

Starts the service on a folder of its own with the sample manuals, and takes the first screen, an
answer with notices and sources, the opened page, how the answer was made, a refusal and a
quotation: at 1280 and 390 px, light and dark, German and English; and an answer on paper as PDF.
With the stand-in Ollama, so that no model is needed.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.served import Service, copy_data, served
from tests.stand_in.ollama import OllamaStandIn

SIZES = {"1280": (1280, 860), "390": (390, 844)}
WAIT_MS = 60_000


@dataclass(frozen=True)
class Words:
    """What is asked, and what the stand-in model answers."""

    locale: str
    fault: str
    procedure: str
    unknown: str
    answer: str


LANGUAGES = {
    "de": Words(
        "de-DE",
        "Was bedeutet E-104 am Kompressor?",
        "Wie wechsle ich den Luftfilter am Kompressor?",
        "Was bedeutet E-512?",
        "So wird das Luftfilterelement gewechselt:\n\n"
        "1. Anlage spannungsfrei und drucklos machen [1].\n"
        "2. Spannverschlüsse öffnen und den Deckel abnehmen [1].\n"
        "3. Element herausziehen und ersetzen [1].\n",
    ),
    "en": Words(
        "en-GB",
        "What does E-104 mean on the press?",
        "How do I change the return filter of the press?",
        "What does F 512 mean?",
        "This is how the element of the return filter is changed:\n\n"
        "1. Lock out the press and depressurise it [1].\n"
        "2. Unscrew the cover of the filter [1].\n"
        "3. Pull out the old element and fit the new one [1].\n",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evals.screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/screenshots"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, OllamaStandIn() as ollama:
        with served(Path(folder, "prepared")) as first:
            passwords = first.passwords
        copy = copy_data(Path(folder, "prepared"), Path(folder, "quoting"))
        with (
            served(
                Path(folder, "prepared"),
                passwords=passwords,
                OLLAMA_BASE_URL=ollama.url,
                HYDE="never",  # or it would take the answer that is laid out for the question
            ) as writing,
            served(copy, passwords=passwords) as quoting,
            sync_playwright() as playwright,
        ):
            expect.set_options(timeout=WAIT_MS)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            for language, width, scheme in product(LANGUAGES, SIZES, ("light", "dark")):
                words, name = LANGUAGES[language], f"{language}-{width}-{scheme}"
                save = Save(out, name)
                with_model(_page(browser, writing, words, width, scheme), words, ollama, save)
                without_model(_page(browser, quoting, words, width, scheme), words, save)
                print(name, flush=True)
            browser.close()


@dataclass(frozen=True)
class Save:
    """``save(page, "first")`` writes ``first-de-390-dark.png`` into the folder."""

    folder: Path
    name: str

    def __call__(self, page: Page, what: str) -> None:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=self.folder / f"{what}-{self.name}.png", animations="disabled")


def with_model(page: Page, words: Words, ollama: OllamaStandIn, save: Save) -> None:
    """First screen, an answer with notices and sources, its page, a refusal."""
    save(page, "first")
    ollama.enqueue(words.answer)
    _ask(page, words.procedure)
    save(page, "answer")
    page.locator(".mw-card").last.scroll_into_view_if_needed()
    save(page, "sources")
    page.locator(".mw-sources").last.locator(".mw-card button").first.click()
    page.locator(".mw-viewer img").first.evaluate("image => image.decode()")
    save(page, "page")
    page.keyboard.press("Escape")
    page.evaluate("() => { window.print = () => { window.printed = true } }")
    page.locator("[data-tool=print]").last.click()
    page.wait_for_function("window.printed")
    page.pdf(path=save.folder / f"paper-{save.name}.pdf", format="A4")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.locator(".mw-made summary").last.click()
    page.locator(".mw-tools").last.scroll_into_view_if_needed()
    save(page, "made")
    page.click("#header #new-chat-button")
    _ask(page, words.unknown)
    save(page, "refusal")
    page.context.close()


def without_model(page: Page, words: Words, save: Save) -> None:
    _ask(page, words.fault)
    save(page, "quote")
    page.context.close()


def _page(browser: Browser, service: Service, words: Words, width: str, scheme: str) -> Page:
    size = SIZES[width]
    context = browser.new_context(
        locale=words.locale,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(f"{service.address}/login")
    page.fill("#email", "technician")
    page.fill("#password", service.passwords["technician"])
    page.click("button[type=submit]")
    expect(page.locator("#mode-picker-trigger-machine")).to_be_enabled()
    return page


def _ask(page: Page, question: str) -> None:
    page.fill("#chat-input", question)
    page.click("#chat-submit")  # waits until the chat is connected
    expect(page.locator(".negative-feedback-off")).to_have_count(1)


if __name__ == "__main__":
    main()
