"""Small manuals made by hand, with every field of a chunk in use."""

from __future__ import annotations

import hashlib
from uuid import NAMESPACE_URL, uuid5

from rag.types import (
    Box,
    Chunk,
    ChunkKind,
    Manual,
    ManualStatus,
    Page,
    Quality,
    Signal,
    Table,
)


def make_manual(name: str, *, chunks: int = 4, **fields: object) -> Manual:
    """A manual whose id and sha256 follow from ``name``; ``fields`` replace the defaults."""
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    values: dict[str, object] = {
        "id": str(uuid5(NAMESPACE_URL, sha256)),
        "sha256": sha256,
        "title": f"Betriebsanleitung {name}",
        "machine": "Kompressor K7",
        "type": "Betriebsanleitung",
        "revision": name,
        "language": "de",
        "file_name": f"{name}.pdf",
        "pages": 2,
        "chunks": chunks,
        "status": ManualStatus.PROCESSING,
        "uploaded_by": "admin",
        "uploaded_at": "2026-11-22T12:00:00.000000+00:00",
        "quality": Quality(pages=2, ocr_pages=(2,), ocr_confidence=0.9, languages=("de", "en")),
    }
    return Manual(**{**values, **fields})  # type: ignore[arg-type]


def make_pages(manual: Manual) -> list[Page]:
    box = Box(1, 0.1, 0.2, 0.9, 0.4)
    table = Table(("Code", "Störung"), (("E-104", "Öldruck"), ("E-105", "")), box, (box, box), "T")
    return [
        Page(1, "iv", 595.0, 842.0, "Seite eins – „Öl“", tables=(table,)),
        Page(2, "3-14", 595.5, 842.0, "", source="ocr", confidence=0.71, language="en"),
    ]


def make_chunks(manual: Manual) -> list[Chunk]:
    return [make_chunk(manual, position) for position in range(manual.chunks)]


def make_chunk(manual: Manual, position: int, kind: ChunkKind = "fault") -> Chunk:
    """Chunk ``position`` records the code E-1<position>; position 0 is a danger notice."""
    text = f"{manual.title}: Störung {position}, Öldruck prüfen."
    return Chunk(
        id=str(uuid5(NAMESPACE_URL, f"{manual.sha256}/{position}/{text}")),
        manual_id=manual.id,
        position=position,
        text=text,
        kind="notice" if position == 0 else kind,
        heading=("7 Störungen", "7.2 Codes"),
        first_page=1,
        last_page=2,
        first_label="iv",
        last_label="3-14",
        language="de",
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        boxes=(Box(1, 0.1, 0.25, 0.9, 0.5), Box(2, 0.1, 0.1, 0.9, 0.2)),
        signal=Signal.DANGER if position == 0 else None,
        codes=(f"E-1{position:02}", f"4711-{position}") if position else (),
        notices=("n1", "n2") if position else (),
        machine=manual.machine,
        revision=manual.revision,
        title=manual.title,
    )
