"""Chunks of a manual from its page layouts: headings, passages, records, notices, ids."""

from __future__ import annotations

from collections.abc import Sequence

from rag.ingest.blocks import build_blocks
from rag.ingest.headings import OutlineEntry, heading_rules, mark_contents
from rag.ingest.ids import chunk_id, content_hash
from rag.ingest.layout import PageLayout
from rag.ingest.mend import Vocabulary
from rag.ingest.passages import Passage, PassageBuilder, passage_language
from rag.ingest.tables import WholeTable
from rag.types import Chunk, Language


def chunk_manual(
    pages: Sequence[PageLayout],
    *,
    manual_id: str,
    sha256: str,
    outline: Sequence[OutlineEntry],
    language: Language,
    vocabulary: Vocabulary,
) -> tuple[list[Chunk], list[WholeTable]]:
    """The chunks in reading order, and the whole tables they were made from.

    Expects furniture to be marked and labels to be set. Headings come from the manual only.
    """
    contents = mark_contents(pages)
    rules = heading_rules(pages, outline, contents)
    cover = 1 if len(pages) > 4 else 0
    builder = PassageBuilder(pages, vocabulary, language)
    passages = builder.build(build_blocks(pages, rules, cover))
    labels = {page.index: page.label for page in pages}
    ids = {
        id(passage): chunk_id(sha256, position, passage.text)
        for position, passage in enumerate(passages)
    }
    chunks = [
        _chunk(passage, position, ids, labels, manual_id, language)
        for position, passage in enumerate(passages)
    ]
    return chunks, builder.tables


def _chunk(
    passage: Passage,
    position: int,
    ids: dict[int, str],
    labels: dict[int, str],
    manual_id: str,
    language: Language,
) -> Chunk:
    first = min(box.page for box in passage.boxes)
    last = max(box.page for box in passage.boxes)
    return Chunk(
        id=ids[id(passage)],
        manual_id=manual_id,
        position=position,
        text=passage.text,
        kind=passage.kind,
        heading=passage.heading,
        first_page=first,
        last_page=last,
        first_label=labels[first],
        last_label=labels[last],
        language=passage_language(passage, language),
        content_hash=content_hash(passage.text),
        boxes=tuple(passage.boxes),
        signal=passage.signal,
        codes=passage.codes,
        notices=tuple(ids[id(notice)] for notice in passage.notices),
    )
