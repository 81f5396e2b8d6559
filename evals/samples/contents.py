"""The table of contents: titles, dot leaders and printed page labels."""

from __future__ import annotations

from reportlab.lib.colors import black
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable

from evals.samples.truth import Recorder

LEADING = 14.5


class Contents(Flowable):  # type: ignore[misc]
    """Entries ``(level, title, label)``; splits between lines."""

    def __init__(self, entries: list[tuple[int, str, str]], recorder: Recorder) -> None:
        super().__init__()
        self.entries, self.recorder = entries, recorder

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.width, self.height = width, len(self.entries) * LEADING
        return width, self.height

    def split(self, width: float, height: float) -> list[Flowable]:
        count = int(height // LEADING)
        if count == 0 or count >= len(self.entries):
            return []
        return [
            Contents(self.entries[:count], self.recorder),
            Contents(self.entries[count:], self.recorder),
        ]

    def draw(self) -> None:
        canvas, page = self.canv, self.canv.getPageNumber()
        canvas.setFillColor(black)
        y = self.height - 10
        for level, title, label in self.entries:
            font, size = ("Vera-Bold", 9.2) if level == 1 else ("Vera", 8.8)
            indent = 14.0 * (level - 1)
            canvas.setFont(font, size)
            canvas.drawString(indent, y, title)
            canvas.drawRightString(self.width, y, label)
            start = indent + stringWidth(title, font, size) + 5
            end = self.width - stringWidth(label, font, size) - 5
            dots = "." * max(int((end - start) / stringWidth(".", font, size)), 0)
            canvas.drawRightString(end, y, dots)
            self.recorder.words[page].append(f"{title} {label}")
            y -= LEADING
