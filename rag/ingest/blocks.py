"""From lines to blocks: headings, paragraphs, steps, bullets, notices, tables, in reading order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from rag.ingest.headings import HeadingRules
from rag.ingest.layout import Frame, Grid, Line, PageLayout
from rag.ingest.mend import ends_in_hyphen
from rag.ingest.signals import signal_of
from rag.ingest.terms import find_terms, usual_margin

BlockKind = Literal["heading", "paragraph", "term", "step", "bullet", "notice", "table", "caption"]

STEP = re.compile(
    r"^(?P<number>\d{1,2})[.)]\s+(?=\S)|^(?:Schritt|Step)\s+(?P<word>\d{1,2})\b"
    r"|^(?P<letter>[a-z])\)\s+|^[►▶➤➔⇨]\s*"
)
BULLET = re.compile(r"^(?:[•▪■◦●○‣⁃∙\uf0b7\uf0a7✓✔□☐–—-]\s+|[•▪■●]\s*)(?=\S)")
_CAPTION = re.compile(
    r"^(?:Tab(?:elle|le)?|Abb(?:ildung)?|Fig(?:ure)?|Bild)\.?\s*[A-Z]?[\d.-]+\s*[:.–-]?\s"
)
_END_OF_SENTENCE = re.compile(r"[.!?:;…][\"”“»)]*$")


@dataclass(slots=True)
class Block:
    """Lines that belong together. ``level`` is of headings, ``number`` of steps."""

    kind: BlockKind
    lines: list[Line] = field(default_factory=list)
    level: int = 0
    number: int | None = None
    grid: Grid | None = None
    word: str = ""

    @property
    def page(self) -> int:
        return self.lines[0].page


def build_blocks(
    pages: Iterable[PageLayout], rules: HeadingRules, cover: int, leading: float
) -> Iterator[Block]:
    """The whole manual as blocks. On page ``cover`` (0: none) large print is no heading."""
    last: Block | None = None
    for page in pages:
        for block in _blocks_of(page, rules, leading, page.index == cover):
            if last and _continues(last, block):
                last.lines.extend(block.lines)
                continue
            if last:
                yield last
            last = block
    if last:
        yield last


class Leading:
    """Learns the commonest distance of two lines of a paragraph, in letter sizes."""

    def __init__(self) -> None:
        self._found: Counter[float] = Counter()

    def see(self, page: PageLayout) -> None:
        """Count a page's distances; roles must be set."""
        for above, line in zip(page.lines, page.lines[1:], strict=False):
            step = (line.rect[3] - above.rect[3]) / max(line.size, 1)
            if above.role == line.role == "body" and above.size == line.size and 0.9 < step < 2.2:
                self._found[round(step, 1)] += 1

    @property
    def usual(self) -> float:
        return self._found.most_common(1)[0][0] if self._found else 1.3


def _blocks_of(
    page: PageLayout, rules: HeadingRules, leading: float, is_cover: bool
) -> Iterator[Block]:
    block: Block | None = None
    done: set[int] = set()
    lines = [line for line in page.lines if line.role not in ("furniture", "contents")]
    scanned = page.source == "ocr" and lines
    body_size = median(line.size for line in lines) if scanned else 0.0
    terms = find_terms(lines, rules)
    margin = usual_margin(lines)
    for line in lines:
        if line.region >= 0:
            if line.region not in done:
                done.add(line.region)
                if block:
                    yield _settled(block)
                block = None
                yield _region_block(page, line.region)
            continue
        level = None if is_cover else rules.level(line, body_size)
        if id(line) in terms:
            if block:
                yield _settled(block)
            block = Block("term", [line])
            continue
        if signal_of(line.text) and not rules.is_listed(line):
            level = None
        if block and _same_block(block, line, level, leading, margin):
            block.lines.append(line)
            continue
        if block:
            yield _settled(block)
        block = _new_block(line, level)
    if block:
        yield _settled(block)


def _region_block(page: PageLayout, region: int) -> Block:
    if region < len(page.grids):
        grid = page.grids[region]
        lines = [line for cell in grid.cells for line in cell.lines]
        return Block("table", lines, grid=grid)
    frame: Frame = page.frames[region - len(page.grids)]
    return Block("notice", frame.lines, word=signal_of(frame.lines[0].text) or "")


def _new_block(line: Line, level: int | None) -> Block:
    if level is not None:
        return Block("heading", [line], level=level)
    if word := signal_of(line.text):
        return Block("notice", [line], word=word)
    if step := STEP.match(line.text):
        number = step["number"] or step["word"]
        return Block("step", [line], number=int(number) if number else None)
    if BULLET.match(line.text):
        return Block("bullet", [line])
    if _CAPTION.match(line.text):
        return Block("caption", [line])
    return Block("paragraph", [line])


def _settled(block: Block) -> Block:
    """A word like "Hinweis" with nothing under it is no notice."""
    if block.kind == "notice" and len(block.lines) == 1 and not block.word.isupper():
        return Block("paragraph", block.lines)
    return block


def _same_block(block: Block, line: Line, level: int | None, leading: float, margin: float) -> bool:
    """Whether ``line`` goes on with ``block`` on the same page."""
    last = block.lines[-1]
    down = line.rect[3] - last.rect[3]
    if block.kind == "heading":
        return (
            level is not None
            and line.size == last.size
            and down < 1.6 * last.size
            and not re.match(r"\d", line.text)
        )
    if block.kind == "notice":
        return level is None and _in_notice(block, line, leading, margin)
    if level is not None or _opens_block(line) or block.kind == "term":
        return False
    if "\t" in line.text or "\t" in last.text:
        return False  # a name and a value far apart: each pair on a line of its own
    if line.column != last.column and down < 0:
        return False  # the next column: decided by ``_continues``
    if abs(line.size - last.size) > 0.6 or not _near(last, line, leading, 1.22):
        return False
    if block.kind in ("step", "bullet"):
        return line.rect[0] > block.lines[0].rect[0] + 3 or (
            len(block.lines) > 1 and (abs(line.rect[0] - last.rect[0]) < 2)
        )
    return line.bold == last.bold or ends_in_hyphen(last.text)


def _in_notice(block: Block, line: Line, leading: float, margin: float) -> bool:
    """Whether ``line`` still belongs to the notice without a frame. One that is set in ends where
    the text comes out again; one that is not, where the next block begins."""
    word, last = block.lines[0], block.lines[-1]
    if signal_of(line.text):
        return False
    if word.rect[0] > margin + 6:
        times = 2.4 if _opens_block(line) else 1.7
        return line.rect[0] > word.rect[0] - 12 and _near(last, line, leading, times)
    if STEP.match(line.text):
        return False
    return _near(last, line, leading, 1.7 if last is word else 1.35)


# Distances are measured between lower edges: the upper ones differ with "Ö" and "ß".
def _near(last: Line, line: Line, leading: float, times: float) -> bool:
    down = line.rect[3] - last.rect[3]
    return -1.0 <= down <= times * leading * max(line.size, last.size, 1.0)


def _opens_block(line: Line) -> bool:
    return bool(
        signal_of(line.text)
        or STEP.match(line.text)
        or BULLET.match(line.text)
        or _CAPTION.match(line.text)
    )


def _continues(before: Block, block: Block) -> bool:
    """Whether a paragraph, step or bullet goes on in the next column or on the next page."""
    if block.kind != "paragraph" or before.kind not in ("paragraph", "step", "bullet"):
        return False
    last, line = before.lines[-1], block.lines[0]
    if last.page == line.page and not (last.column and line.rect[1] < last.rect[1]):
        return False
    if line.page - last.page > 1 or abs(line.size - last.size) > 0.6 or line.bold != last.bold:
        return False
    return ends_in_hyphen(last.text) or not _END_OF_SENTENCE.search(last.text)
