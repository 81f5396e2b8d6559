"""From blocks to passages, section by section: what is said together stays together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rag.ingest.blocks import BULLET, STEP, Block
from rag.ingest.layout import Line, PageLayout, union
from rag.ingest.mend import Vocabulary, join_lines
from rag.ingest.records import records_of
from rag.ingest.signals import SIGNAL_WORDS
from rag.ingest.tables import WholeTable, append_table, can_continue, read_table
from rag.language import detect_language
from rag.types import Box, ChunkKind, Language, Signal

PROSE_LIMIT = 900  # characters
_PROSE_LEAST = 250  # a shorter rest joins the passage before it
_PROCEDURE_LIMIT = 1400  # a longer procedure is parted between steps
_INTRODUCTION = 300  # a paragraph this short right before the first step belongs to the steps
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ\"„“(])")
_RESULT = re.compile(r"^(?:[→⇒➜↳✓✔]|Ergebnis|Result)")


@dataclass(slots=True)
class Passage:
    """A chunk before it has its place and id. ``notices`` are the notices that belong to it."""

    kind: ChunkKind
    text: str
    heading: tuple[str, ...]
    boxes: list[Box]
    notices: list[Passage] = field(default_factory=list)
    signal: Signal | None = None
    codes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Said:
    """One block's text with its boxes and the notices that were given before it."""

    text: str
    boxes: list[Box]
    notices: list[Passage]
    block: Block


class PassageBuilder:
    """Walks the blocks once, in order; ``passages`` and ``tables`` hold what it found."""

    def __init__(
        self, pages: Sequence[PageLayout], vocabulary: Vocabulary, language: Language
    ) -> None:
        self.pages = {page.index: page for page in pages}
        self.vocabulary = vocabulary
        self.language = language
        self.passages: list[Passage] = []
        self.tables: list[WholeTable] = []
        self._heading: list[tuple[int, str]] = []
        self._notices: list[tuple[tuple[str, ...], Passage]] = []
        self._pending: list[_Said] = []

    def build(self, blocks: Sequence[Block]) -> list[Passage]:
        """All passages of the manual, in reading order."""
        waiting: WholeTable | None = None
        for number, block in enumerate(blocks):
            if block.kind == "table":
                waiting = self._take_table(block, blocks[number - 1] if number else None, waiting)
                continue
            if waiting and not _is_continuation_caption(block, blocks[number + 1 : number + 2]):
                self._close_table(waiting)
                waiting = None
            self._take(block, blocks[number + 1 : number + 8])
        if waiting:
            self._close_table(waiting)
        self._flush()
        return self.passages

    @property
    def _path(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._heading)

    def _take(self, block: Block, following: Sequence[Block]) -> None:
        if block.kind == "heading":
            self._flush()
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
        elif block.kind == "caption" and following and following[0].kind == "table":
            return  # becomes the table's title
        else:
            text, boxes = self._text(block.lines), self._boxes(block.lines)
            self._pending.append(_Said(text, boxes, self._current_notices(), block))

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
            signal=SIGNAL_WORDS[block.word],
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
        if before and before.kind == "caption":
            table.title = self._text(before.lines)
        if waiting and can_continue(waiting, table):
            append_table(waiting, table)
            return waiting
        if waiting:
            self._close_table(waiting)
        return table

    def _close_table(self, table: WholeTable) -> None:
        self._flush()
        self.tables.append(table)
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
        for kind, group in _kinds(said):
            parts = _procedure_parts(group) if kind == "procedure" else _prose_parts(group)
            for part in parts:
                self.passages.append(
                    Passage(
                        kind,
                        "\n".join(entry.text for entry in part),
                        self._path,
                        _merged([box for entry in part for box in entry.boxes]),
                        part[-1].notices,
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


def passage_language(passage: Passage, default: Language) -> Language:
    """The language of the passage's own words."""
    return detect_language(passage.text, default)


def _is_continuation_caption(block: Block, following: Sequence[Block]) -> bool:
    """A caption between two parts of one table: "Tabelle 7 (Fortsetzung)"."""
    return block.kind == "caption" and bool(following) and following[0].kind == "table"


def _same_paragraph(last: Line, line: Line) -> bool:
    if BULLET.match(line.text) or STEP.match(line.text):
        return False
    return last.bold == line.bold and line.rect[1] - last.rect[1] < 1.75 * max(line.size, 1.0)


def _steps_go_on(said: Sequence[_Said], following: Sequence[Block]) -> bool:
    """Whether the notice between them does not end the procedure: its next step counts on."""
    last = next((entry.block for entry in reversed(said) if entry.block.kind == "step"), None)
    if last is None or last.number is None:
        return False
    after = next((block for block in following if block.kind != "notice"), None)
    return after is not None and after.kind == "step" and after.number == last.number + 1


def _kinds(said: Sequence[_Said]) -> Iterator[tuple[ChunkKind, list[_Said]]]:
    """Runs of prose and of steps. What stands between two steps that count on is theirs."""
    steps = [n for n, entry in enumerate(said) if entry.block.kind == "step"]
    start = 0
    for run in _step_runs(said, steps):
        first, last = run[0], run[-1]
        before = said[first - 1] if first > start else None
        if before and before.block.kind == "paragraph" and len(before.text) <= _INTRODUCTION:
            first -= 1
        while last + 1 < len(said) and (
            _RESULT.match(said[last + 1].text) or _is_indented(said[run[-1]], said[last + 1])
        ):
            last += 1
        if first > start:
            yield "text", list(said[start:first])
        yield "procedure", list(said[first : last + 1])
        start = last + 1
    if start < len(said):
        yield "text", list(said[start:])


def _step_runs(said: Sequence[_Said], steps: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for place in steps:
        number = said[place].block.number
        before = said[run[-1]].block.number if run else None
        counts_on = number is not None and before is not None and number == before + 1
        follows = number is None and bool(run) and place == run[-1] + 1
        if run and not (counts_on or follows):
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _is_indented(step: _Said, entry: _Said) -> bool:
    """Whether ``entry`` stands further in than the step's number: it belongs to the step."""
    inner = entry.block.lines[0].rect[0] - step.block.lines[0].rect[0]
    return entry.block.page == step.block.page and inner > 8


def _procedure_parts(group: list[_Said]) -> Iterator[list[_Said]]:
    """The whole procedure, or parts of about equal length that begin with a step."""
    total = sum(len(entry.text) + 1 for entry in group)
    if total <= _PROCEDURE_LIMIT:
        yield group
        return
    count = -(-total // 1000)
    target, length = total / count, 0
    part: list[_Said] = []
    for entry in group:
        begins = entry.block.kind == "step"
        if part and begins and length + len(entry.text) / 2 > target:
            yield part
            part, length = [], 0
        part.append(entry)
        length += len(entry.text) + 1
    if part:
        yield part


def _prose_parts(group: Sequence[_Said]) -> Iterator[list[_Said]]:
    """Paragraphs together up to the limit; an over-long one is parted between sentences."""
    parts: list[list[_Said]] = []
    length = 0
    for entry in (piece for said in group for piece in _sentences(said)):
        fits = parts and length + len(entry.text) + 1 <= PROSE_LIMIT
        small = parts and len(entry.text) < _PROSE_LEAST and length < PROSE_LIMIT - 100 and fits
        if fits or small:
            parts[-1].append(entry)
            length += len(entry.text) + 1
            continue
        if parts and parts[-1][-1].text.endswith(":") and len(parts[-1]) > 1:
            lead = parts[-1].pop()  # an introduction goes with what it introduces
            parts.append([lead, entry])
            length = len(lead.text) + len(entry.text) + 2
            continue
        parts.append([entry])
        length = len(entry.text) + 1
    if len(parts) > 1 and length < _PROSE_LEAST:
        parts[-2].extend(parts.pop())
    yield from parts


def _sentences(said: _Said) -> Iterator[_Said]:
    if len(said.text) <= PROSE_LIMIT:
        yield said
        return
    text = ""
    for sentence in _BETWEEN_SENTENCES.split(said.text):
        if text and len(text) + len(sentence) + 1 > PROSE_LIMIT:
            yield replace(said, text=text)
            text = ""
        text = f"{text} {sentence}".strip()
    yield replace(said, text=text)


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
