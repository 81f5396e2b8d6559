"""Chunks of a manual from its blocks: passages, records, notices, their language and ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rag.ingest.blocks import Block
from rag.ingest.ids import chunk_id, content_hash
from rag.ingest.layout import PageLayout
from rag.ingest.mend import Vocabulary
from rag.ingest.passages import Passage, PassageBuilder
from rag.language import language_of_passage
from rag.types import Chunk, Language


@dataclass(frozen=True, slots=True)
class ManualFacts:
    """What the passes over a manual learnt of it. ``pages`` are measures and labels by index,
    ``languages`` those of the pages."""

    manual_id: str
    sha256: str
    language: Language
    vocabulary: Vocabulary
    pages: Mapping[int, PageLayout]
    languages: Mapping[int, Language]


def chunks_of(blocks: Iterable[Block], facts: ManualFacts) -> Iterator[Chunk]:
    """The chunks in reading order, each as soon as its section has ended."""
    builder = PassageBuilder(facts.pages, facts.vocabulary, facts.language)
    position = 0
    for section in builder.build(blocks):
        for number, passage in enumerate(section, start=position):
            passage.id = chunk_id(facts.sha256, number, passage.text)
        for number, passage in enumerate(section, start=position):
            yield _chunk(passage, number, facts)
        position += len(section)


def _chunk(passage: Passage, position: int, facts: ManualFacts) -> Chunk:
    first = min(box.page for box in passage.boxes)
    last = max(box.page for box in passage.boxes)
    around = facts.languages.get(first, facts.language)
    return Chunk(
        id=passage.id,
        manual_id=facts.manual_id,
        position=position,
        text=passage.text,
        kind=passage.kind,
        heading=passage.heading,
        first_page=first,
        last_page=last,
        first_label=facts.pages[first].label,
        last_label=facts.pages[last].label,
        language=language_of_passage(passage.text, around),
        content_hash=content_hash(passage.text),
        boxes=tuple(passage.boxes),
        signal=passage.signal,
        codes=passage.codes,
        notices=tuple(notice.id for notice in passage.notices),
    )
