"""Uploads: by admins only, each bad file with its own reason, nothing half-ingested left behind."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import expect
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from tests.browser.conftest import OpenPage
from tests.served import SAMPLES, Service

SAMPLE = SAMPLES / "Operating Manual HP 160.pdf"


def text_file(path: Path) -> None:
    path.write_text("This is a text, whatever its name says.")


def encrypted(path: Path) -> None:
    canvas = Canvas(str(path), encrypt=StandardEncryption("secret"))
    canvas.drawString(72, 700, "Nobody can read this.")
    canvas.save()


def truncated(path: Path) -> None:
    path.write_bytes(SAMPLE.read_bytes()[:40_000])


def empty(path: Path) -> None:
    path.touch()


def too_large(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(3 * 1024 * 1024)


def kept(service: Service) -> tuple[int, int, int, set[str]]:
    """Manuals, pages, chunks, and the files of the library."""
    with sqlite3.connect(service.data_dir / "millwright.db") as database:
        counts = [
            database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("manuals", "pages", "chunks")
        ]
    database.close()
    files = {path.name for path in (service.data_dir / "manuals").rglob("*")}
    manuals, pages, chunks = counts
    return manuals, pages, chunks, files


@pytest.mark.parametrize(
    ("make", "german", "english"),
    [
        (text_file, "ist kein PDF", "not a PDF"),
        (encrypted, "Kennwort geschützt", "protected by a password"),
        (truncated, "beschädigt oder unvollständig", "damaged or incomplete"),
        (empty, "Datei ist leer", "file is empty"),
        (too_large, "größer als 2 MB", "larger than 2 MB"),
    ],
)
async def test_each_bad_file_gets_its_own_message(
    make: Callable[[Path], None],
    german: str,
    english: str,
    service: Service,
    open_page: OpenPage,
    tmp_path: Path,
) -> None:
    file = tmp_path / "manual.pdf"
    make(file)
    before = kept(service)
    for locale, words in (("de-DE", german), ("en-US", english)):
        admin = await open_page(service, "admin", locale=locale)
        await admin.choose_upload()
        await admin.hand_over(file)
        await expect(admin.page.locator(".mw-failed").last).to_contain_text(words)
        assert kept(service) == before
    # The app goes on.
    answer = await admin.ask("E-104")
    await expect(answer).to_contain_text("E-104")


async def test_an_uploaded_manual_can_be_asked_at_once(
    service: Service, open_page: OpenPage, tmp_path: Path
) -> None:
    word = f"Zykloidgetriebe {uuid.uuid4().hex[:6].upper()}"
    file = tmp_path / "Schwenkkran WK 9.pdf"
    small_manual(file, word)
    admin = await open_page(service, "admin")
    await admin.choose_upload()
    await expect(admin.page.get_by_text("höchstens 2 MB")).to_be_visible()
    await expect(admin.page.get_by_text("10000")).to_be_hidden()  # what Chainlit would say of it
    await admin.hand_over(file)
    await expect(admin.page.locator(".ai-message").last).to_contain_text("ist im Bestand")
    answer = await admin.ask(f"Mit welchem Drehmoment wird das {word} angezogen?")
    await expect(answer).to_contain_text("87 Nm")
    viewer = await admin.open_card(admin.cards.first)
    await expect(viewer.locator(".mw-mark").first).to_be_visible()


async def test_technicians_are_not_offered_to_upload(service: Service, open_page: OpenPage) -> None:
    """What they send by hand all the same is refused: ``tests/api/test_forged.py``."""
    person = await open_page(service)
    await expect(person.page.locator("#command-button")).to_have_count(0)


def small_manual(path: Path, word: str) -> None:
    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.setTitle("Betriebsanleitung Schwenkkran WK 9")
    for number, text in enumerate(
        (
            "Betriebsanleitung Schwenkkran WK 9, Revision 1",
            f"Das {word} wird mit einem Drehmoment von 87 Nm angezogen.",
        ),
        start=1,
    ):
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 760, f"{number} Allgemeines")
        canvas.setFont("Helvetica", 11)
        canvas.drawString(72, 720, text)
        canvas.drawString(290, 40, str(number))
        canvas.showPage()
    canvas.save()
