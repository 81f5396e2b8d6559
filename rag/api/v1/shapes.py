"""Answers, jobs and manuals of ours in the shapes that the API sends."""

from __future__ import annotations

from typing import Any

from rag.api.problems import API
from rag.api.v1.schemas import (
    AnswerOut,
    JobError,
    JobOut,
    ManualOut,
    OtherPage,
    Rectangle,
    SafetyNotice,
    Source,
    ValueCheck,
)
from rag.chat.cards import shares
from rag.ingest.jobs import Job
from rag.messages import say
from rag.observe.trace import trace_name
from rag.types import Answer, Box, Citation, Language, Manual, Notice


def answer_out(answer: Answer, *, traced: bool) -> AnswerOut:
    timings = {stage.name: round(stage.ms, 1) for stage in answer.stages}
    if answer.stages:
        began = min(stage.started_ns for stage in answer.stages)
        ended = max(stage.ended_ns for stage in answer.stages)
        timings["total"] = round((ended - began) / 1e6, 1)
    return AnswerOut(
        id=answer.id,
        question=answer.question,
        understood_as=answer.understood_as,
        text=answer.text,
        mode=answer.mode,
        language=answer.language,
        citations=[source(one) for one in answer.citations],
        notices=[safety_notice(one) for one in answer.notices],
        checks=[
            ValueCheck(text=one.text, kind=one.kind, status=one.status, passage=one.passage)
            for one in answer.checks
        ],
        perhaps=[source(one) for one in answer.perhaps],
        timings_ms=timings,
        trace_id=trace_name(answer.id) if traced else None,
    )


def source(citation: Citation) -> Source:
    return Source(
        n=citation.n,
        manual_id=citation.manual_id,
        title=citation.title,
        machine=citation.machine,
        revision=citation.revision,
        page=citation.page,
        last_page=citation.last_page,
        label=citation.label,
        heading=list(citation.heading),
        quote=citation.quote,
        language=citation.language,
        boxes=_rectangles(citation.boxes),
        also_on=[OtherPage(page=page, label=label) for page, label in citation.also_on],
        further=citation.further,
        image=_image(citation.manual_id, citation.page),
    )


def safety_notice(notice: Notice) -> SafetyNotice:
    return SafetyNotice(
        signal=notice.signal,
        word=notice.word,
        text=notice.text,
        manual_id=notice.manual_id,
        title=notice.title,
        page=notice.page,
        label=notice.label,
        language=notice.language,
        boxes=_rectangles(notice.boxes),
        also_on=list(notice.also_on),
        image=_image(notice.manual_id, notice.page),
    )


def job_out(job: Job, language: Language) -> JobOut:
    error = None
    if job.error_key:
        detail = say(job.error_key, language, **job.error_values)
        error = JobError(code=job.error_key.rpartition(".")[2], detail=detail)
    return JobOut(
        id=job.id,
        status=job.status.value,
        stage=job.stage,
        done=job.done,
        total=job.total,
        file_name=job.metadata.file_name,
        manual_id=job.manual_id,
        error=error,
        retryable=job.retryable,
        created_at=job.created_at,
    )


def manual_out(manual: Manual) -> ManualOut:
    names = set(ManualOut.model_fields) - {"unread_pages"}
    fields: dict[str, Any] = {name: getattr(manual, name) for name in names}
    return ManualOut(**fields, unread_pages=list(manual.quality.unread_pages))


def _rectangles(boxes: tuple[Box, ...]) -> list[Rectangle]:
    return [Rectangle.model_validate(share) for share in shares(boxes)]


def _image(manual_id: str, page: int) -> str:
    return f"{API}/pages/{manual_id}/{page}"
