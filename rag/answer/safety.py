"""The safety notices that belong to the cited passages, byte for byte, never written by a model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from rag.ingest.signals import SIGNAL_WORDS, signal_of
from rag.store.library import Library
from rag.types import Chunk, Hit, Language, Notice, Signal

SEVERITY = {Signal.DANGER: 0, Signal.WARNING: 1, Signal.CAUTION: 2, Signal.NOTICE: 3}
# What stands on a notice whose own word was not read: its level is known by its colour or number.
_USUAL: dict[Language, dict[Signal, str]] = {
    "de": {
        Signal.DANGER: "GEFAHR",
        Signal.WARNING: "WARNUNG",
        Signal.CAUTION: "VORSICHT",
        Signal.NOTICE: "HINWEIS",
    },
    "en": {signal: signal.upper() for signal in Signal},
}
_INJURY = {Signal.DANGER, Signal.WARNING}
# Beyond this many, notices on damage to property give way; those on people never do.
_MOST_BEFORE_PROPERTY = 6


async def notices_for(hits: Sequence[Hit], library: Library) -> tuple[Notice, ...]:
    """The notices of the passages' sections and steps, most severe first, each text once.

    A notice of another manual than the passage's is never shown.
    """
    chunks = await asyncio.to_thread(_belonging, [hit.chunk for hit in hits], library)
    by_text: dict[tuple[str, str], Notice] = {}
    for chunk in chunks:
        notice = as_notice(chunk)
        if notice is None:
            continue
        key = (chunk.manual_id, " ".join(chunk.text.split()).casefold())
        known = by_text.get(key)
        if known is None:
            by_text[key] = notice
        elif known.label != notice.label and notice.label not in known.also_on:
            by_text[key] = replace(known, also_on=(*known.also_on, notice.label))
    ordered = sorted(by_text.values(), key=lambda notice: SEVERITY[notice.signal])
    return tuple(
        notice
        for place, notice in enumerate(ordered)
        if place < _MOST_BEFORE_PROPERTY or notice.signal is not Signal.NOTICE
    )


def _belonging(passages: Sequence[Chunk], library: Library) -> list[Chunk]:
    """Notice chunks that a passage is linked to, or that stand in its very section. For the record
    of a fault those of its chapter that warn of injury, too: its remedy is work on the machine,
    and a fault list seldom repeats what stands before it.
    """
    found = {chunk.id: chunk for chunk in passages if chunk.signal is not None}
    linked = {notice_id: chunk.manual_id for chunk in passages for notice_id in chunk.notices}
    for notice_id, chunk in library.chunks(list(linked)).items():
        if chunk.manual_id == linked[notice_id]:
            found[notice_id] = chunk
    for manual_id in dict.fromkeys(chunk.manual_id for chunk in passages if chunk.heading):
        told = [one for one in passages if one.manual_id == manual_id and one.heading]
        sections = {one.heading for one in told}
        chapters = {one.heading[0] for one in told if one.kind == "fault"}
        for chunk in library.notices_of(manual_id, sections, chapters):
            of_chapter = chunk.heading[0] in chapters and chunk.signal in _INJURY
            if of_chapter or chunk.heading in sections:
                found[chunk.id] = chunk
    return list(found.values())


def as_notice(chunk: Chunk) -> Notice | None:
    """A notice chunk as it is shown; ``None`` for any other chunk."""
    if chunk.signal is None:
        return None
    printed = signal_of(chunk.text.split("\n", 1)[0])
    if printed is None or SIGNAL_WORDS[printed.upper()] is not chunk.signal:
        printed = _USUAL[chunk.language][chunk.signal]
    return Notice(
        chunk_id=chunk.id,
        signal=chunk.signal,
        word=printed,
        text=chunk.text,
        manual_id=chunk.manual_id,
        title=chunk.title,
        page=chunk.first_page,
        label=chunk.first_label,
        boxes=chunk.boxes,
        language=chunk.language,
    )
