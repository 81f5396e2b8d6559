"""A page that is an image only, as it comes from an office scanner."""

from __future__ import annotations

import random
from pathlib import Path

import reportlab
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.platypus import Flowable

from evals.samples.truth import Recorder

SIZE = (1654, 2339)  # A4 at 200 dpi
TILT = 0.35  # degrees; a sheet never lies straight on the glass
SPECKS = 900


class ScannedPage(Flowable):  # type: ignore[misc]
    """Renders a text file to an image that fills the page; ``# `` lines are headings."""

    def __init__(self, source: Path, recorder: Recorder) -> None:
        super().__init__()
        self.source, self.recorder = source, recorder

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        self.width, self.height = A4[0], A4[1]
        return 0, 0

    def draw(self) -> None:
        text = self.source.read_text("utf-8")
        self.canv.drawImage(ImageReader(render(text)), 0, -A4[1], A4[0], A4[1])
        page = self.canv.getPageNumber()
        self.recorder.words[page].extend(
            line.removeprefix("# ").replace("\t", " ") for line in text.splitlines() if line.strip()
        )


def render(text: str) -> Image.Image:
    """``text`` as a grey, slightly tilted and speckled image. Tabs make columns."""
    folder = Path(reportlab.__file__).parent / "fonts"
    regular = ImageFont.truetype(str(folder / "Vera.ttf"), 31)
    bold = ImageFont.truetype(str(folder / "VeraBd.ttf"), 36)
    image = Image.new("L", SIZE, 250)
    draw = ImageDraw.Draw(image)
    y = 190
    for line in text.splitlines():
        if line.startswith("# "):
            draw.text((170, y), line[2:], fill=35, font=bold)
            y += 74
            continue
        for column, cell in enumerate(line.split("\t")):
            draw.text((170 + column * 690, y), cell, fill=45, font=regular)
        y += 50
    image = image.rotate(TILT, resample=Image.Resampling.BICUBIC, fillcolor=250)
    noise = random.Random(37)
    pixels = image.load()
    for _ in range(SPECKS):
        x, y = noise.randrange(SIZE[0]), noise.randrange(SIZE[1])
        pixels[x, y] = noise.choice((120, 160, 200))
    # sixteen greys are what a scanner's driver leaves, and they compress well
    return image.point(lambda value: value // 16 * 17)
