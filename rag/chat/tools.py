"""What can be done with an answer, as the plain data that ``public/elements/Tools.jsx`` draws."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rag.chat.cards import place_of
from rag.messages import say, words
from rag.types import Answer, Citation, Language, Notice

_TOOL = "tool."
# A stack of paper helps nobody at the machine.
_PRINTED_PAGES = 6


def answer_tools(answer: Answer, run_id: str, thread_id: str, language: Language) -> dict[str, Any]:
    """Props of ``Tools.jsx``; ``run_id`` is what a rating of this answer names."""
    return {
        "language": language,
        "words": words(_TOOL, language),
        "run": run_id,
        "thread": thread_id,
        "question": answer.question,
        # A follow-up asked anew must not lean on what has been said since.
        "again": answer.understood_as or answer.question,
        "text": citation_text(answer, language),
        "cited": [citation.n for citation in answer.citations],
        "pages": printed_pages(answer),
        "record": record(answer),
    }


def printed_pages(answer: Answer) -> list[dict[str, Any]]:
    """The pages that the answer rests on, each once, in the order of the sources, with the boxes
    to mark."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for citation in answer.citations:
        if citation.further:
            continue
        place = place_of(citation, {})
        for index in range(citation.page, citation.last_page + 1):
            sheet = found.setdefault(
                (citation.manual_id, index),
                {
                    "manual": citation.manual_id,
                    "title": citation.title,
                    "page": index,
                    "label": citation.label if index == citation.page else "",
                    "boxes": [],
                },
            )
            sheet["boxes"] += [box for box in place["boxes"] if box["page"] == index]
    return list(found.values())[:_PRINTED_PAGES]


def record(answer: Answer) -> dict[str, Any]:
    """The file that is saved: the answer and what it rests on; survives JSON."""
    return {
        "answer_id": answer.id,
        "asked_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "question": answer.question,
        "answer": answer.text,
        "mode": answer.mode,
        "language": answer.language,
        "notices": [
            {name: value for name, value in dataclasses.asdict(one).items() if name != "boxes"}
            for one in answer.notices
        ],
        "checks": [dataclasses.asdict(check) for check in answer.checks],
        "provenance": {
            name: value for name, value in answer.provenance.items() if name != "checks"
        },
    }


def citation_text(answer: Answer, language: Language) -> str:
    """Question, safety notices, answer and sources with their printed pages, as plain text."""
    parts = [f"{say('tool.question', language)}: {answer.question}"]
    if answer.notices:
        notices = "\n\n".join(_notice(one, language) for one in answer.notices)
        parts.append(f"{say('tool.notices', language)}:\n{notices}")
    parts.append(f"{say('tool.answer', language)}:\n{answer.text.strip()}")
    for key, is_further in (("tool.sources", False), ("tool.further", True)):
        cited = [one for one in answer.citations if one.further is is_further]
        parts += _sources(key, cited, language)
    if not answer.citations:
        parts += _sources("tool.perhaps", answer.perhaps, language)
    parts.append(say("tool.ai", language))
    return "\n\n".join(parts)


def _notice(notice: Notice, language: Language) -> str:
    page = say("tool.page", language)
    text = notice.text.removeprefix(notice.word).strip()
    return f"{notice.word}: {text}\n({notice.title}, {page} {notice.label})"


def _sources(key: str, citations: Sequence[Citation], language: Language) -> list[str]:
    lines = [_source(citation, language) for citation in citations]
    return ["\n".join([f"{say(key, language)}:", *lines])] if lines else []


def _source(citation: Citation, language: Language) -> str:
    revision = f" ({say('tool.revision', language)} {citation.revision})"
    machine = f", {citation.machine}" if citation.machine else ""
    page = f"{say('tool.page', language)} {citation.label}"
    also = ", ".join(label for _, label in citation.also_on)
    return (
        f"[{citation.n}] {citation.title}{revision if citation.revision else ''}{machine}, {page}"
        + (f" ({say('tool.also_on', language)} {also})" if also else "")
    )
