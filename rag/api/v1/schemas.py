"""What goes into the API and what comes out. The examples are those of the documentation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rag.answer.ask import LONGEST_QUESTION
from rag.api.v1 import examples
from rag.types import AnswerMode, Language, ManualStatus, Signal

LONGEST_ANSWER = 20_000
MOST_TURNS = 10

Question = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=LONGEST_QUESTION, pattern=r"\S"
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Given(BaseModel):
    """What a caller sends: unknown fields are refused, so that a typing error is noticed."""

    model_config = ConfigDict(extra="forbid")


class Turn(Given):
    """An earlier question of the conversation and what was answered."""

    question: Question
    answer: str = Field(max_length=LONGEST_ANSWER)


class Query(Given):
    """A question. Without ``machines`` and ``manuals`` all active manuals are searched."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                examples.QUESTION,
                {"question": "Wie oft muss das Öl gewechselt werden?"},
            ]
        }
    )

    question: Question = Field(description="In German or English; answered in the same language.")
    machines: list[Name] = Field([], max_length=20, description="Names, as `GET /manuals` has.")
    manuals: list[Name] = Field([], max_length=50, description="Ids of manuals.")
    history: list[Turn] = Field(
        [], max_length=MOST_TURNS, description="What was asked before, the oldest first."
    )
    fresh: bool = Field(False, description="Answer anew, not with an answer that was kept.")


class Feedback(Given):
    """What a person thinks of an answer; a second one takes the place of the first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"answer_id": "5f3b0c", "value": 0, "reason": "wrong_page", "comment": "Seite 31"}
            ]
        }
    )

    answer_id: str = Field(min_length=1, max_length=64)
    value: Literal[0, 1] = Field(description="1: good, 0: bad.")
    reason: Literal["wrong_page", "wrong_value", "warning_missing"] | None = None
    comment: str | None = Field(None, max_length=4000)


# --- what comes out --------------------------------------------------------------------------


class Rectangle(BaseModel):
    """In fractions of the page's width and height, from its upper left corner."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


class OtherPage(BaseModel):
    page: int
    label: str


class Source(BaseModel):
    """Source ``n`` of an answer; ``page`` counts from 1, ``label`` is what is printed there."""

    n: int
    manual_id: str
    title: str
    machine: str
    revision: str
    page: int
    last_page: int
    label: str
    heading: list[str]
    quote: str
    language: Language
    boxes: list[Rectangle]
    also_on: list[OtherPage]
    further: bool = Field(description="It comes close; the answer does not rest on it.")
    image: str = Field(description="Address of the page as a picture.")


class SafetyNotice(BaseModel):
    """A safety notice, its text byte for byte as on the page. Show it before the answer."""

    signal: Signal
    word: str
    text: str
    manual_id: str
    title: str
    page: int
    label: str
    language: Language
    boxes: list[Rectangle]
    also_on: list[str]
    image: str


class ValueCheck(BaseModel):
    """A value of the answer, and whether the cited passages contain it."""

    text: str
    kind: Literal["number", "code", "citation"]
    status: Literal["found", "converted", "missing"]
    passage: int | None


class AnswerOut(BaseModel):
    """An answer. ``text`` is Markdown with [n] for source n.

    ``mode``: "llm" written by the language model; "quote" quoted from the manuals;
    "completed_by_quote" begun by the model and completed by quotation; "refusal": the manuals do
    not say, ``perhaps`` are the nearest places.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ANSWER]})

    id: str
    question: str
    understood_as: str
    text: str
    mode: AnswerMode
    language: Language
    citations: list[Source]
    notices: list[SafetyNotice]
    checks: list[ValueCheck]
    perhaps: list[Source]
    timings_ms: dict[str, float] = Field(description="By stage; `total` is from first to last.")
    trace_id: str | None = Field(description="The trace in MLflow; null when tracing is off.")


class JobError(BaseModel):
    code: str
    detail: str


class JobOut(BaseModel):
    """A manual on its way in; ``done`` of ``total`` pages or passages of its ``stage``."""

    id: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str
    done: int
    total: int
    file_name: str
    manual_id: str | None
    error: JobError | None
    retryable: bool
    created_at: str


class ManualOut(BaseModel):
    """A manual; only active ones are searched."""

    id: str
    title: str
    machine: str
    type: str
    revision: str
    language: Language
    file_name: str
    pages: int
    status: ManualStatus
    valid_from: str
    uploaded_at: str
    unread_pages: list[int] = Field(description="Pages that nobody could read.")


class ManualList(BaseModel):
    manuals: list[ManualOut]
    total: int = Field(description="How many there are, whatever `limit` says.")
