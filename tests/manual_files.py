"""Small manuals made on the spot, for tests of the library's administration."""

from __future__ import annotations

import io

from reportlab.pdfgen.canvas import Canvas


def small_manual(
    machine: str, revision: str, sentence: str, *, pages: int = 2, unreadable_page: bool = False
) -> bytes:
    """A German PDF; ``sentence`` stands on each page but the first. With ``unreadable_page`` the
    second is too large to be read."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842))
    canvas.setTitle(f"Betriebsanleitung {machine}")
    for number in range(1, pages + 1):
        if number == 2 and unreadable_page:
            canvas.setPageSize((60_000, 60_000))
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 760, f"{number} Allgemeines")
        canvas.setFont("Helvetica", 11)
        first = f"Betriebsanleitung {machine}, Revision {revision}"
        canvas.drawString(72, 720, sentence if number > 1 else first)
        canvas.showPage()
    canvas.save()
    return file.getvalue()
