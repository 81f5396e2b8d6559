"""From blocks to passages, section by section: what is said together stays together."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rag.codes import find_fault_codes
from rag.ingest.blocks import BULLET, STEP, Block
from rag.ingest.layout import Line, PageLayout, union
from rag.ingest.mend import Vocabulary, join_lines
from rag.ingest.records import records_of
from rag.ingest.runs import Said, procedure_parts, prose_parts, runs_of
from rag.ingest.signals import signal_level
from rag.ingest.tables import WholeTable, append_table, can_continue, read_table
from rag.ingest.tidy import join_tiny
from rag.types import Box, ChunkKind, Language, Signal

_LOOKAHEAD = 7  # blocks


@dataclass(slots=True)
class Passage:
    """A chunk before it has its id. ``notices`` are the notices that belong to it; ``id`` is set
    when it has its place."""

    kind: ChunkKind
    text: str
    heading: tuple[str, ...]
    boxes: list[Box]
    notices: list[Passage] = field(default_factory=list)
    signal: Signal | None = None
    codes: tuple[str, ...] = ()
    id: str = ""


class PassageBuilder:
    """Walks the blocks once, in order. ``pages`` gives the measures of each page by its index."""

    def __init__(
        self, pages: Mapping[int, PageLayout], vocabulary: Vocabulary, language: Language
    ) -> None:
        self.pages = pages
        self.vocabulary = vocabulary
        self.language = language
        self.passages: list[Passage] = []  # of the section at hand
        self._heading: list[tuple[int, str]] = []
        self._notices: list[tuple[tuple[str, ...], Passage]] = []
        self._pending: list[Said] = []

    def build(self, blocks: Iterable[Block]) -> Iterator[list[Passage]]:
        """The passages of each section, in reading order; a section is given when it has ended."""
        waiting: WholeTable | None = None
        before: Block | None = None
        for block, following in _with_following(blocks):
            if block.kind == "table":
                waiting = self._take_table(block, before, waiting)
            else:
                if waiting and not _is_continuation_caption(block, following[:1]):
                    self._close_table(waiting)
                    waiting = None
                if block.kind == "heading":
                    self._flush()
                    yield self._end_section()
                self._take(block, following)
            before = block
        if waiting:
            self._close_table(waiting)
        self._flush()
        yield self._end_section()

    def _end_section(self) -> list[Passage]:
        section, self.passages = join_tiny(self.passages), []
        _link_last_notices(section)
        return section

    @property
    def _path(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._heading)

    def _take(self, block: Block, following: Sequence[Block]) -> None:
        if block.kind == "heading":
            title = self._text(block.lines)
            self._heading = [entry for entry in self._heading if entry[0] < block.level]
            self._heading.append((block.level, title))
            self._notices = [
                (path, notice)
                for path, notice in self._notices
                if len(path) >= 2 and self._path[: len(path)] == path and notice.kind == "notice"
            ]
        elif block.kind == "notice":
            if not _steps_go_on(self._pending, following):
                self._flush()
            self._take_notice(block)
        elif following and following[0].kind == "table" and _is_title(block, following[0]):
            return  # becomes the table's title
        elif _is_figure_label(block):
            return
        else:
            text, boxes = self._text(block.lines), self._boxes(block.lines)
            self._pending.append(Said(text, boxes, self._current_notices(), block))

    def _text(self, lines: Sequence[Line]) -> str:
        return join_lines([line.text for line in lines], self.vocabulary)

    def _current_notices(self) -> list[Passage]:
        return [notice for _, notice in self._notices]

    # --- notices ---------------------------------------------------------------------------------

    def _take_notice(self, block: Block) -> None:
        """The signal word, then each paragraph of the box on a line of its own."""
        first = block.lines[0].text
        at = first.find(block.word)
        rest = re.sub(r"^[\s!:–—-]+", "", first[at + len(block.word) :])
        paragraphs = [[rest]] if rest else []
        last = block.lines[0] if rest else None
        for line in block.lines[1:]:
            if last and _same_paragraph(last, line):
                paragraphs[-1].append(line.text)
            else:
                paragraphs.append([line.text])
            last = line
        texts = [join_lines(lines, self.vocabulary) for lines in paragraphs]
        passage = Passage(
            "notice",
            "\n".join([block.word, *texts]),
            self._path,
            self._boxes(block.lines),
            signal=signal_level(block.word),
        )
        self.passages.append(passage)
        self._notices.append((self._path, passage))

    # --- tables ----------------------------------------------------------------------------------

    def _take_table(
        self, block: Block, before: Block | None, waiting: WholeTable | None
    ) -> WholeTable:
        if block.grid is None:
            raise ValueError("a table block without a grid")
        table = read_table(block.grid, self.pages[block.page], self.vocabulary)
        if before and _is_title(before, block):
            table.title = self._text(before.lines)
        if waiting and can_continue(waiting, table):
            append_table(waiting, table)
            return waiting
        if waiting:
            self._close_table(waiting)
        return table

    def _close_table(self, table: WholeTable) -> None:
        self._flush()
        for record in records_of(table, self.language):
            if record.text:
                self.passages.append(
                    Passage(
                        record.kind,
                        record.text,
                        self._path,
                        record.boxes,
                        self._current_notices(),
                        codes=record.codes,
                    )
                )

    # --- running text and procedures ---

    def _flush(self) -> None:
        """Turn what was said since the last heading or table into passages."""
        said, self._pending = self._pending, []
        for kind, group in runs_of(said):
            parts = procedure_parts(group) if kind == "procedure" else prose_parts(group)
            for part in parts:
                code = _fault_of(self._path)
                self.passages.append(
                    Passage(
                        "fault" if code else kind,
                        "\n".join(entry.text for entry in part),
                        self._path,
                        _merged([box for entry in part for box in entry.boxes]),
                        list(part[-1].notices),
                        codes=(code,) if code else (),
                    )
                )

    def _boxes(self, lines: Sequence[Line]) -> list[Box]:
        """A box for each page and column that the lines stand in."""
        groups: dict[tuple[int, object], list[Line]] = {}
        for line in lines:
            groups.setdefault((line.page, line.column), []).append(line)
        return [
            self.pages[page].box(union(line.rect for line in group))
            for (page, _), group in groups.items()
        ]


def _with_following(blocks: Iterable[Block]) -> Iterator[tuple[Block, list[Block]]]:
    """Each block with those after it that are looked at in advance."""
    waiting: deque[Block] = deque()
    for block in blocks:
        waiting.append(block)
        if len(waiting) > _LOOKAHEAD:
            yield waiting.popleft(), list(waiting)
    while waiting:
        yield waiting.popleft(), list(waiting)


def _is_title(block: Block, table: Block) -> bool:
    """A caption, or one short line right above the table that is no sentence."""
    if block.kind == "caption":
        return True
    if block.kind != "paragraph" or len(block.lines) > 1 or block.page != table.page:
        return False
    line = block.lines[0]
    near = table.grid is not None and 0 <= table.grid.rect[1] - line.rect[3] < 1.5 * line.size
    return near and len(line.text) <= 90 and not re.search(r"[.:;,!?]$", line.text)


def _is_figure_label(block: Block) -> bool:
    """Position numbers of a drawing: nothing but figures and single letters, no formula."""
    return block.kind == "paragraph" and not re.search(
        r"[^\W\d_]{2}|[%=<>]", " ".join(line.text for line in block.lines)
    )


def _fault_of(path: tuple[str, ...]) -> str:
    """The fault code that the innermost heading begins with ("E-104 Übertemperatur"), or ""."""
    title = re.sub(r"^[\d.]+\s+", "", path[-1]) if path else ""
    codes = find_fault_codes(title)
    return codes[0] if codes and title.startswith(codes[0]) else ""


def _link_last_notices(section: Sequence[Passage]) -> None:
    """A notice that ends its section has nothing after it: it belongs to what stands before."""
    last = max((n for n, item in enumerate(section) if item.kind != "notice"), default=-1)
    for notice in section[last + 1 :] if last >= 0 else []:
        for passage in section[: last + 1]:
            if passage.kind != "notice":
                passage.notices.append(notice)


def _is_continuation_caption(block: Block, following: Sequence[Block]) -> bool:
    """A caption between two parts of one table: "Tabelle 7 (Fortsetzung)"."""
    return block.kind == "caption" and bool(following) and following[0].kind == "table"


def _same_paragraph(last: Line, line: Line) -> bool:
    if BULLET.match(line.text) or STEP.match(line.text):
        return False
    return last.bold == line.bold and line.rect[3] - last.rect[3] < 1.75 * max(line.size, 1.0)


def _steps_go_on(said: Sequence[Said], following: Sequence[Block]) -> bool:
    """Whether the notice between them does not end the procedure: its next step counts on."""
    last = next((entry.block for entry in reversed(said) if entry.block.kind == "step"), None)
    if last is None or last.number is None:
        return False
    after = next((block for block in following if block.kind != "notice"), None)
    return after is not None and after.kind == "step" and after.number == last.number + 1


def _merged(boxes: Sequence[Box]) -> list[Box]:
    """Boxes one below the other become one, as long as they share their left edge."""
    merged: list[Box] = []
    for box in dict.fromkeys(boxes):
        last = merged[-1] if merged else None
        if (
            last
            and last.page == box.page
            and -0.002 <= box.y0 - last.y1 < 0.02
            and min(last.x1, box.x1) - max(last.x0, box.x0) > 0
        ):
            merged[-1] = Box(box.page, min(last.x0, box.x0), last.y0, max(last.x1, box.x1), box.y1)
        else:
            merged.append(box)
    return merged
