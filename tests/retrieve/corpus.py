"""A small library made by hand: a German compressor and an English press, page by page."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.retrieve.glossary import Glossary, load_glossary
from rag.retrieve.keywords import KeywordIndex
from rag.settings import Settings
from rag.store.database import open_database
from rag.store.library import Library
from rag.types import Chunk, Language, Manual, ManualStatus, Page

Passage = tuple[int, tuple[str, ...], str, dict[str, Any]]

COMPRESSOR: list[Passage] = [
    (
        1,
        ("Inhalt",),
        "Sicherheit ........ 5\nWartung ........ 30\nRiemen ........ 33\nStörungen ...... 40",
        {},
    ),
    (
        5,
        ("Sicherheit", "Elektrische Gefahren"),
        "Vor allen Arbeiten die Anlage spannungsfrei schalten und gegen Wiedereinschalten sichern. "
        "Fünf Sicherheitsregeln beachten.",
        {},
    ),
    (
        8,
        ("Technische Daten",),
        "Drehzahl [1/min] 2950\nBetriebsdruck 10 bar\nSchalldruckpegel 72 dB(A)",
        {"kind": "table"},
    ),
    (
        33,
        ("Wartung", "Schmalkeilriemensatz"),
        "Schmalkeilriemensatz auf Verschleiß prüfen. Bei Rissen den kompletten Satz ersetzen.",
        {"kind": "procedure"},
    ),
    (
        34,
        ("Wartung", "Verschraubungen"),
        "Anzugsdrehmoment der Schrauben M8: 25 Nm, M10: 49 Nm.",
        {},
    ),
    (
        36,
        ("Wartung", "Ölwechsel"),
        "Alle 2000 Betriebsstunden das Öl des Verdichters ablassen und neu einfüllen.",
        {},
    ),
    (
        40,
        ("Störungen", "Undichtigkeit"),
        "Undichtigkeit an der Verschraubung: Dichtring erneuern.",
        {},
    ),
    (
        41,
        ("Störungen", "Meldungen"),
        "E-104 Öltemperatur zu hoch. Kühler reinigen.",
        {"kind": "fault", "codes": ("E-104",)},
    ),
    (
        41,
        ("Störungen", "Meldungen"),
        "E-105 Überdruck im Behälter. Sicherheitsventil prüfen.",
        {"kind": "fault", "codes": ("E-105",)},
    ),
    (
        50,
        ("Ersatzteile",),
        "4711-0815-B Luftfilterpatrone",
        {"kind": "parts", "codes": ("4711-0815-B",)},
    ),
]
PRESS: list[Passage] = [
    (
        4,
        ("Safety", "Electrical hazards"),
        "Isolate the machine from the power supply and lock out the main switch.",
        {},
    ),
    (9, ("Technical data",), "Working pressure 250 bar\nOil volume 120 l", {"kind": "table"}),
    (
        20,
        ("Maintenance", "Hydraulic hoses"),
        "Replace hydraulic hoses every six years. Check them for leakage weekly.",
        {},
    ),
    (
        31,
        ("Faults", "Messages"),
        "E-104 Ram position sensor lost. Check the cable.",
        {"kind": "fault", "codes": ("E-104",)},
    ),
]


def chunks(manual: Manual, passages: list[Passage]) -> Iterator[Chunk]:
    """The passages as chunks of ``manual``."""
    for position, (page, heading, text, more) in enumerate(passages):
        yield Chunk(
            id=str(uuid.uuid5(uuid.UUID(manual.id), f"{position}{text}")),
            manual_id=manual.id,
            position=position,
            text=text,
            heading=heading,
            first_page=page,
            last_page=page,
            first_label=str(page),
            last_label=str(page),
            language=manual.language,
            content_hash=hashlib.sha256(text.encode()).hexdigest(),
            **{"kind": "text", **more},
        )


def manual(machine: str, language: Language, pages: int = 60, chunks: int = 10) -> Manual:
    sha256 = hashlib.sha256(machine.encode()).hexdigest()
    return Manual(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, sha256)),
        sha256=sha256,
        title=f"Manual {machine}",
        machine=machine,
        type="operating manual",
        revision="1",
        language=language,
        file_name=f"{machine}.pdf",
        pages=pages,
        chunks=chunks,
        status=ManualStatus.PROCESSING,
    )


@dataclass
class SmallServices:
    """What ``find_passages`` needs, without models."""

    settings: Settings
    library: Library
    keywords: KeywordIndex
    glossary: Glossary
    embedder: Any = None
    vectors: Any = None
    reranker: Any = None
    llm: Any = None
    manuals: dict[str, Manual] = field(default_factory=dict)


def open_services(folder: Path, **settings: Any) -> SmallServices:
    """An empty library in ``folder``."""
    chosen = Settings(data_dir=folder, **settings)
    library = Library(open_database(chosen))
    glossary = load_glossary()
    return SmallServices(
        chosen, library, KeywordIndex(library, settings=chosen, glossary=glossary), glossary
    )


def publish(
    services: SmallServices, machine: str, language: Language, passages: list[Passage]
) -> Manual:
    """Add a manual of these passages and publish it."""
    added = manual(machine, language, chunks=len(passages))
    pages = [Page(1, "1", 595.0, 842.0, "")]
    services.library.add(added, pages, chunks(added, passages))
    services.library.publish(added.id)
    services.manuals[machine] = added
    return added
