"""Small manuals made on the spot, for tests of the library's administration."""

from __future__ import annotations

import io
import random

from reportlab.pdfgen.canvas import Canvas


def small_manual(
    machine: str, revision: str, sentence: str, *, unreadable_page: bool = False
) -> bytes:
    """A German PDF of two pages; ``sentence`` stands on the second. With ``unreadable_page`` that
    one is too large to be read."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842))
    canvas.setTitle(f"Betriebsanleitung {machine}")
    for number in range(1, 3):
        if number == 2 and unreadable_page:
            canvas.setPageSize((60_000, 60_000))
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 760, f"{number} Allgemeines")
        canvas.setFont("Helvetica", 11)
        first = f"Betriebsanleitung {machine}, Revision {revision}"
        canvas.drawString(72, 720, sentence if number == 2 else first)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def long_manual(machine: str, *, pages: int) -> bytes:
    """A German PDF with text of its own on each page: reading and embedding it takes a while."""
    chance = random.Random(0)
    parts = ("Ventil", "Riemen", "Filter", "Welle", "Kupplung", "Dichtung", "Pumpe", "Schalter")
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842))
    canvas.setTitle(f"Betriebsanleitung {machine}")
    for number in range(1, pages + 1):
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 790, f"{number} {chance.choice(parts)} {chance.choice(parts)}")
        canvas.setFont("Helvetica", 11)
        for line in range(36):
            a, b, c = chance.choices(parts, k=3)
            text = (
                f"{a} {chance.randrange(10**6)} vor {b} pruefen, dann {c} mit {line} Nm anziehen."
            )
            canvas.drawString(72, 760 - 18 * line, text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()
