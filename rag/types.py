"""The data that passes between the parts. Plain, frozen, without behaviour of its own.

A page has an ``index`` (physical, 1-based, what a viewer opens) and a ``label`` (what is printed
on it: "iv", "3-14"). Boxes are fractions of the page, origin top left, so they survive any scale.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Language = Literal["de", "en"]
ChunkKind = Literal["text", "procedure", "table", "fault", "notice", "parts", "maintenance"]
PageSource = Literal["text", "ocr", "unread"]
Replaces = Literal["", "yes", "no"]


class Role(StrEnum):
    """What a person may do; the server decides, whatever the browser sends."""

    TECHNICIAN = "technician"
    QA = "qa"
    ADMIN = "admin"


class Signal(StrEnum):
    """Severity of a safety notice (ISO 3864 / ANSI Z535), whatever its language."""

    DANGER = "danger"
    WARNING = "warning"
    CAUTION = "caution"
    NOTICE = "notice"


class ManualStatus(StrEnum):
    """Only ``ACTIVE`` manuals are ever searched. ``SCHEDULED`` ones become so on their day."""

    PROCESSING = "processing"
    NEEDS_RELEASE = "needs_release"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    DISABLED = "disabled"


# --- people and places ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is logged in."""

    id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Scope:
    """Which manuals a question may be answered from. Empty tuples mean "all active ones"."""

    machines: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    manual_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question of the conversation and what was answered."""

    question: str
    answer: str
    machine: str | None = None


# --- manuals -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in fractions of its width and height (0 to 1), origin top left."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read: one header row, then rows of the same number of cells."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    box: Box
    row_boxes: tuple[Box, ...] = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a manual as read. ``confidence`` is 0 to 1, for OCR pages only."""

    index: int
    label: str
    width: float
    height: float
    text: str
    tables: tuple[Table, ...] = ()
    source: PageSource = "text"
    confidence: float | None = None
    language: Language = "de"
    hidden_text: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage that can be found and cited.

    ``id`` is a UUIDv5 of (manual sha256, position, text): ingesting twice gives the same ids.
    ``section`` identifies the section the chunk stands in (the heading path joined by " > ").
    ``codes`` are the fault codes or part numbers this chunk is the record *of*, as printed.
    ``notices`` are ids of the notice chunks that belong to this chunk (section head, before step).
    ``signal`` is set on notice chunks only. ``machine``, ``revision`` and ``title`` come from the
    manual when the chunk is loaded from the store.
    """

    id: str
    manual_id: str
    position: int
    text: str
    kind: ChunkKind
    heading: tuple[str, ...]
    first_page: int
    last_page: int
    first_label: str
    last_label: str
    language: Language
    content_hash: str
    boxes: tuple[Box, ...] = ()
    signal: Signal | None = None
    codes: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    machine: str = ""
    revision: str = ""
    title: str = ""

    @property
    def section(self) -> str:
        return " > ".join(self.heading)


@dataclass(frozen=True, slots=True)
class ManualMetadata:
    """What an admin says of a manual at upload; what is empty is filled from the document.

    ``is_complete``: the admin saw what the document says of itself, so what is empty stays empty.
    ``replaces``: whether it takes the place of the active revision; "" leaves that to the dates.
    """

    machine: str = ""
    type: str = ""
    title: str = ""
    revision: str = ""
    language: Language | None = None
    valid_from: str = ""
    uploaded_by: str = ""
    file_name: str = ""
    replaces: Replaces = ""
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What the first pages of a document say of it, "" where they say nothing. ``has_text`` is
    False for a scan, which tells nothing of itself before it is read by OCR."""

    title: str = ""
    machine: str = ""
    type: str = ""
    revision: str = ""
    valid_from: str = ""
    language: Language | None = None
    has_text: bool = False


@dataclass(frozen=True, slots=True)
class Quality:
    """The report on how a manual was read."""

    pages: int = 0
    ocr_pages: tuple[int, ...] = ()
    ocr_confidence: float | None = None
    unread_pages: tuple[int, ...] = ()
    hidden_text_pages: tuple[int, ...] = ()
    tables: int = 0
    notices: int = 0
    fault_codes: int = 0
    part_numbers: int = 0
    languages: tuple[Language, ...] = ()
    seconds: float = 0.0

    @property
    def needs_release(self) -> bool:
        """Unread pages, or OCR below 0.6, must be released by a human."""
        return bool(self.unread_pages) or (
            self.ocr_confidence is not None and self.ocr_confidence < 0.6
        )


@dataclass(frozen=True, slots=True)
class Manual:
    """A manual of the library. ``id`` is the UUIDv5 of its file's sha256."""

    id: str
    sha256: str
    title: str
    machine: str
    type: str
    revision: str
    language: Language
    file_name: str
    pages: int
    chunks: int
    status: ManualStatus
    valid_from: str = ""
    uploaded_by: str = ""
    uploaded_at: str = ""
    supersedes: str = ""
    quality: Quality = field(default_factory=Quality)
    replaces: Replaces = ""


# --- finding -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk with its 1-based rank and its score per stage ("dense", "bm25", "fused", "rerank",
    "exact"), kept to the end for tracing. ``also_on`` are the pages of merged duplicates."""

    chunk: Chunk
    ranks: dict[str, int] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    also_on: tuple[Chunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage did: its time and the ids it returned, for the event stream and the trace."""

    name: str
    started_ns: int
    ended_ns: int
    chunk_ids: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def ms(self) -> float:
        """Never below 0, also when the clock was set back meanwhile."""
        return max(0.0, (self.ended_ns - self.started_ns) / 1e6)


Verdict = Literal["found", "weak", "absent"]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found for one question.

    ``hits`` are the final passages, best first. ``stages`` maps "bm25", "dense", "fused",
    "reranked", "final" to ranked hits for measuring. ``verdict`` says whether the manuals hold an
    answer. ``missing_code`` is a code that was asked for and stands in no manual in scope;
    ``ambiguous_code`` one that stands in manuals of several machines.
    """

    hits: tuple[Hit, ...]
    stages: dict[str, tuple[Hit, ...]]
    verdict: Verdict
    confidence: float = 0.0
    missing_code: str | None = None
    ambiguous_code: str | None = None
    hyde_text: str | None = None
    notes: tuple[str, ...] = ()


# --- answering -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Citation:
    """Source number ``n`` of an answer. ``quote`` is verbatim text of the manual.

    ``also_on`` are the (page index, label) of merged duplicates of the passage. A ``further`` place
    comes close and is named; the answer does not rest on it.
    """

    n: int
    chunk_id: str
    manual_id: str
    title: str
    machine: str
    revision: str
    page: int
    label: str
    last_page: int
    heading: tuple[str, ...]
    quote: str
    boxes: tuple[Box, ...]
    language: Language
    also_on: tuple[tuple[int, str], ...] = ()
    further: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A safety notice, text byte for byte from the page. ``word`` is printed: "WARNUNG".

    ``also_on`` are labels of further pages that print the same text.
    """

    chunk_id: str
    signal: Signal
    word: str
    text: str
    manual_id: str
    title: str
    page: int
    label: str
    boxes: tuple[Box, ...]
    language: Language
    also_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A value or code of the answer and whether the cited passages contain it."""

    text: str
    kind: Literal["number", "code", "citation"]
    status: Literal["found", "converted", "missing"]
    passage: int | None = None


AnswerMode = Literal["llm", "quote", "completed_by_quote", "refusal"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The finished answer. ``text`` is Markdown with [n] citations, in ``language``."""

    id: str
    question: str
    understood_as: str
    text: str
    mode: AnswerMode
    language: Language
    citations: tuple[Citation, ...]
    notices: tuple[Notice, ...]
    checks: tuple[Check, ...]
    stages: tuple[Stage, ...]
    provenance: dict[str, Any]
    perhaps: tuple[Citation, ...] = ()
    reason: str = ""


# --- events of ask(), in the order they may come -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Status:
    """What is happening, as a message key ("status.searching"); ``stage`` is one just done."""

    key: str
    stage: Stage | None = None
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Understood:
    """The question as it was understood, sent only when it differs from what was typed."""

    question: str


@dataclass(frozen=True, slots=True)
class Notices:
    """Safety notices; always before the first token."""

    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """Source cards; before the first token of the model."""

    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The text so far was withdrawn; ``text`` stands in its place (a failed check)."""

    text: str
    key: str


@dataclass(frozen=True, slots=True)
class Done:
    """The last event of a question that was answered or honestly refused."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of a question that failed: message key, what to do, whether to try again."""

    key: str
    values: dict[str, str] = field(default_factory=dict)
    retryable: bool = False


Event = Status | Understood | Notices | Sources | Token | Replaced | Done | Failed
