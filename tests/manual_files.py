"""Small manuals made on the spot, for tests of the library's administration."""

from __future__ import annotations

import io

from reportlab.pdfgen.canvas import Canvas


def small_manual(
    machine: str, revision: str, sentence: str, *, unreadable_page: bool = False
) -> bytes:
    """A German PDF of two pages; with ``unreadable_page`` the second is too large to be read."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842))
    canvas.setTitle(f"Betriebsanleitung {machine}")
    for number, text in enumerate(
        (f"Betriebsanleitung {machine}, Revision {revision}", sentence), start=1
    ):
        if number == 2 and unreadable_page:
            canvas.setPageSize((60_000, 60_000))
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 760, f"{number} Allgemeines")
        canvas.setFont("Helvetica", 11)
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()
