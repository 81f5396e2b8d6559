"""A manual from its blocks: pages of five kinds, running heads, labels, outline, contents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.platypus import (
    ActionFlowable,
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    FrameBreak,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Spacer,
)

from evals.samples import markup
from evals.samples.contents import Contents
from evals.samples.figures import Figure
from evals.samples.flowables import SignalFlowable, Text
from evals.samples.look import (
    BOTTOM,
    GREY,
    HEIGHT,
    LEFT,
    RIGHT,
    STYLES,
    TOP,
    WIDTH,
    Manual,
    register_fonts,
)
from evals.samples.scan import ScannedPage
from evals.samples.tables import table
from evals.samples.truth import Recorder


def build(manual: Manual, blocks: list[markup.Block], path: Path) -> Recorder:
    """Writes the PDF to ``path``; laid out again until the table of contents is stable."""
    register_fonts()
    known: list[tuple[int, str, str]] = []
    for _ in range(4):
        recorder = Recorder()
        _Layout(manual, recorder, path).build_from(blocks, known)
        found = [(h["level"], h["title"], recorder.labels[h["page"]]) for h in recorder.headings]
        if found == known:
            return recorder
        known = found
    raise RuntimeError("the table of contents does not settle")


class _Layout(BaseDocTemplate):  # type: ignore[misc]
    """One pass over the blocks."""

    def __init__(self, manual: Manual, recorder: Recorder, path: Path) -> None:
        super().__init__(
            str(path), pagesize=A4, title=manual.title, author=manual.maker,
            subject=manual.type, creator="evals.samples", invariant=1, pageCompression=1,
            lang=manual.language,
        )  # fmt: skip
        self.manual, self.recorder = manual, recorder
        self.chapter, self.chapter_title = 0, ""
        self.section_numbers = [0, 0, 0]
        self.count_in_chapter = 0
        self.addPageTemplates(self._templates())

    # --- pages ----------------------------------------------------------------------------------

    def _templates(self) -> list[PageTemplate]:
        width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        plain = {"leftPadding": 0, "rightPadding": 0, "topPadding": 0, "bottomPadding": 0}
        half = (width - 22) / 2
        one = Frame(LEFT, BOTTOM, width, height, id="one", **plain)
        columns = [
            Frame(LEFT, BOTTOM, half, height, id="left", **plain),
            Frame(LEFT + half + 22, BOTTOM, half, height, id="right", **plain),
        ]
        turned = Frame(
            LEFT, BOTTOM, HEIGHT - LEFT - RIGHT, WIDTH - TOP - BOTTOM, id="turned", **plain
        )
        full = Frame(0, 0, WIDTH, HEIGHT, id="full", **plain)
        rotated = PageTemplate(
            "rotated", turned, onPage=self._begin("rotated"), pagesize=(HEIGHT, WIDTH)
        )  # the size as displayed: ReportLab swaps the sides of a turned page
        rotated.rotation = 90
        return [
            PageTemplate("cover", one, onPage=self._begin("cover")),
            PageTemplate("front", one, onPage=self._begin("front")),
            PageTemplate("text", one, onPage=self._begin("text")),
            PageTemplate("two_column", columns, onPage=self._begin("two_column")),
            rotated,
            PageTemplate("scanned", full, onPage=self._begin("scanned")),
        ]

    def _begin(self, kind: str) -> Callable[[object, object], None]:
        def on_page(canvas, _document) -> None:  # type: ignore[no-untyped-def]
            page = canvas.getPageNumber()
            label = self._label(kind, page)
            self.recorder.labels[page] = label
            self.recorder.kinds[page] = "text" if kind in ("cover", "front") else kind
            if kind == "rotated":  # drawn lying, so that it stands when the viewer turns it
                canvas.translate(WIDTH, 0)
                canvas.rotate(90)
            if kind not in ("cover", "scanned"):
                self._running(canvas, label, HEIGHT if kind == "rotated" else WIDTH,
                              WIDTH if kind == "rotated" else HEIGHT)  # fmt: skip

        return on_page

    def _label(self, kind: str, page: int) -> str:
        canvas = self.canv
        if kind in ("cover", "front"):
            if page == 1:
                canvas.addPageLabel(0, style="ROMAN_LOWER", start=1)
            return _roman(page)
        self.count_in_chapter += 1
        if self.manual.chapter_labels:
            if self.count_in_chapter == 1:
                canvas.addPageLabel(page - 1, style="ARABIC", start=1, prefix=f"{self.chapter}-")
            return f"{self.chapter}-{self.count_in_chapter}"
        if self.count_in_chapter == 1:
            canvas.addPageLabel(page - 1, style="ARABIC", start=1)
        return str(self.count_in_chapter)

    def _running(self, canvas, label: str, width: float, height: float) -> None:  # type: ignore[no-untyped-def]
        canvas.saveState()
        canvas.setFont("Vera", 7.5)
        canvas.setFillColor(GREY)
        canvas.setStrokeColor(GREY)
        canvas.setLineWidth(0.5)
        top, bottom = height - 44, 38
        canvas.line(LEFT, top - 5, width - RIGHT, top - 5)
        canvas.line(LEFT, bottom + 11, width - RIGHT, bottom + 11)
        chapter = (
            f"{self.chapter} {self.chapter_title}" if self.chapter else self.manual.contents_title
        )
        canvas.drawString(LEFT, top, self.manual.head)
        canvas.drawRightString(width - RIGHT, top, chapter)
        canvas.drawString(LEFT, bottom, self.manual.foot)
        canvas.drawRightString(width - RIGHT, bottom, label)
        canvas.restoreState()
        self.recorder.running[canvas.getPageNumber()] = [
            self.manual.head, chapter, self.manual.foot, label,
        ]  # fmt: skip

    # --- story ----------------------------------------------------------------------------------

    def build_from(self, blocks: list[markup.Block], known: list[tuple[int, str, str]]) -> None:
        story: list[Flowable] = []
        self.frame_width = WIDTH - LEFT - RIGHT
        for number, block in enumerate(blocks):
            follower = blocks[number + 1] if number + 1 < len(blocks) else None
            story.extend(self._flow(block, follower, known))
        self.build(story)

    def _flow(
        self, block: markup.Block, follower: markup.Block | None, known: list[tuple[int, str, str]]
    ) -> list[Flowable]:
        if isinstance(block, markup.Heading):
            return self._heading(block, follower)
        if isinstance(block, markup.SignalBox):
            return [
                SignalFlowable(block.word, block.parts, STYLES["box"], STYLES["boxbold"],
                               self.recorder, self.manual.language)
            ]  # fmt: skip
        if isinstance(block, markup.Grid):
            return self._grid(block)
        if isinstance(block, markup.Directive):
            return self._directive(block, known)
        return [self._text(block)]

    def _text(self, block: markup.Paragraph) -> Text:
        note = None
        if block.style == "step":

            def note(page: int) -> None:
                self.recorder.steps.append(
                    {"marker": block.marker, "text": block.text, "page": page,
                     "section": self.recorder.section}
                )  # fmt: skip

        return Text(block.text, STYLES[block.style], self.recorder, self.manual.language,
                    marker=block.marker, on_draw=note)  # fmt: skip

    def _heading(self, block: markup.Heading, follower: markup.Block | None) -> list[Flowable]:
        level = block.level
        numbers = self.section_numbers
        numbers[level - 1] += 1
        numbers[level:] = [0] * (3 - level)
        title = f"{'.'.join(str(n) for n in numbers[:level])} {block.title}"

        def note(page: int) -> None:
            self.recorder.heading(level, title, page)

        text = Text(title, STYLES[f"h{level}"], self.recorder, self.manual.language,
                    on_draw=note, anchor=(title, level))  # fmt: skip
        if level > 1:
            # a heading never stands alone at the foot of a page
            room = 150 if isinstance(follower, markup.SignalBox | markup.Grid) else 80
            return [CondPageBreak(room), text]
        number, name = numbers[0], block.title

        def turn() -> None:
            self.chapter, self.chapter_title = number, name
            if self.manual.chapter_labels or number == 1:
                self.count_in_chapter = 0

        return [_Call(turn), NextPageTemplate("text"), PageBreak(), text]

    def _grid(self, block: markup.Grid) -> list[Flowable]:
        made = table(block, self.frame_width, self.recorder, self.manual.language)
        caption = block.options.get("caption", "")
        self.recorder.tables.append({"caption": caption, "rows": len(block.rows)})
        if not caption:
            return [made]
        text = Text(caption, STYLES["caption"], self.recorder, self.manual.language)
        return [CondPageBreak(110), text, made]

    def _directive(
        self, block: markup.Directive, known: list[tuple[int, str, str]]
    ) -> list[Flowable]:
        name, options = block.name, block.options
        if name == "title":
            return [
                Text(options["text"], STYLES[options.get("style", "title")], self.recorder,
                     self.manual.language)
            ]  # fmt: skip
        if name == "space":
            return [Spacer(1, float(options["points"]))]
        if name == "figure":
            return [
                Figure(options["kind"], self.frame_width, self.recorder),
                Text(options["caption"], STYLES["caption"], self.recorder, self.manual.language),
                Spacer(1, 8),
            ]
        if name == "contents":
            depth = int(options.get("depth", "2"))
            return [Contents([k for k in known if k[0] <= depth], self.recorder)]
        if name == "scan":
            return [NextPageTemplate("scanned"), PageBreak(),
                    ScannedPage(self.manual.folder / options["file"], self.recorder)]  # fmt: skip
        if name == "page":
            return self._page(options.get("kind", "text"))
        if name == "column":
            return [FrameBreak()]
        raise ValueError(f"unknown directive {name}")

    def _page(self, kind: str) -> list[Flowable]:
        width = WIDTH - LEFT - RIGHT
        self.frame_width = {"rotated": HEIGHT - LEFT - RIGHT, "two_column": (width - 22) / 2}.get(
            kind, width
        )
        return [NextPageTemplate(kind), PageBreak()]


class _Call(ActionFlowable):  # type: ignore[misc]
    """Runs a function when the layout reaches this place."""

    def __init__(self, function: Callable[[], None]) -> None:
        super().__init__()
        self.function = function

    def apply(self, _document: object) -> None:
        self.function()


def _roman(number: int) -> str:
    text = ""
    for value, sign in ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")):
        text += sign * (number // value)
        number %= value
    return text
