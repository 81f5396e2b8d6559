"""Simple line drawings with position numbers, so that the pages look like a manual's."""

from __future__ import annotations

from itertools import pairwise

from reportlab.lib.colors import HexColor, black, white
from reportlab.platypus import Flowable

from evals.samples.truth import Recorder

HEIGHT = 150.0
LINE = HexColor("#33475B")
FILL = HexColor("#EEF2F6")
# kind → boxes (x, y, width, height as fractions, caption number)
DRAWINGS: dict[str, list[tuple[float, float, float, float, str]]] = {
    "compressor": [
        (0.02, 0.25, 0.16, 0.4, "1"), (0.22, 0.2, 0.2, 0.5, "2"), (0.47, 0.15, 0.14, 0.7, "3"),
        (0.66, 0.3, 0.14, 0.45, "4"), (0.84, 0.2, 0.13, 0.6, "5"),
    ],
    "panel": [
        (0.1, 0.45, 0.35, 0.45, "1"), (0.1, 0.1, 0.1, 0.22, "2"), (0.23, 0.1, 0.1, 0.22, "3"),
        (0.36, 0.1, 0.1, 0.22, "4"), (0.6, 0.2, 0.22, 0.55, "5"),
    ],
    "belt": [
        (0.15, 0.25, 0.22, 0.5, "1"), (0.62, 0.35, 0.14, 0.3, "2"), (0.42, 0.6, 0.14, 0.12, "3"),
    ],
    "press": [
        (0.32, 0.8, 0.36, 0.16, "1"), (0.42, 0.58, 0.16, 0.22, "2"), (0.34, 0.45, 0.32, 0.1, "3"),
        (0.3, 0.08, 0.4, 0.14, "4"), (0.78, 0.1, 0.14, 0.6, "5"),
    ],
    "circuit": [
        (0.03, 0.1, 0.2, 0.3, "1"), (0.28, 0.1, 0.12, 0.3, "2"), (0.45, 0.1, 0.14, 0.3, "3"),
        (0.45, 0.6, 0.14, 0.3, "4"), (0.66, 0.3, 0.14, 0.4, "5"), (0.86, 0.3, 0.12, 0.4, "6"),
    ],
}  # fmt: skip


class Figure(Flowable):  # type: ignore[misc]
    """Boxes joined by a line, each with its number in a circle."""

    def __init__(self, kind: str, width: float, recorder: Recorder) -> None:
        super().__init__()
        self.kind, self.width, self.height, self.recorder = kind, width, HEIGHT, recorder
        self.spaceBefore = 6

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        canvas = self.canv
        canvas.saveState()
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.9)
        boxes = DRAWINGS[self.kind]
        centres = [((x + w / 2) * self.width, (y + h / 2) * HEIGHT) for x, y, w, h, _ in boxes]
        for (x0, y0), (x1, y1) in pairwise(centres):
            canvas.line(x0, y0, x1, y1)
        for x, y, w, h, number in boxes:
            canvas.setFillColor(FILL)
            canvas.roundRect(x * self.width, y * HEIGHT, w * self.width, h * HEIGHT, 5, fill=1)
            cx, cy = (x + w / 2) * self.width, (y + h / 2) * HEIGHT
            canvas.setFillColor(white)
            canvas.circle(cx, cy, 8, fill=1)
            canvas.setFillColor(black)
            canvas.setFont("Vera", 8)
            canvas.drawCentredString(cx, cy - 3, number)
        canvas.restoreState()
        self.recorder.words[canvas.getPageNumber()].extend(box[4] for box in boxes)
