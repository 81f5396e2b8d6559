"""Two small manuals, chunk by chunk, in the form that reading gives them."""

# ruff: noqa: E501 – rows of tables stay in one piece

from __future__ import annotations

import hashlib
import uuid

from rag.services import Services
from rag.types import Box, Chunk, ChunkKind, Language, Manual, ManualStatus, Page, Signal

COMPRESSOR, PRESS = "SK 37", "HP 200"


def manual(machine: str, language: Language, *, revision: str = "1.0", title: str = "") -> Manual:
    sha256 = hashlib.sha256(f"{machine} {revision} {title}".encode()).hexdigest()
    words = "Betriebsanleitung" if language == "de" else "Operating manual"
    return Manual(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, sha256)),
        sha256=sha256,
        title=title or f"{words} {machine}",
        machine=machine,
        type=words + title,
        revision=revision,
        language=language,
        file_name=f"{machine}.pdf",
        pages=60,
        chunks=0,
        status=ManualStatus.PROCESSING,
    )


def chunk(
    of: Manual,
    text: str,
    *,
    page: int,
    heading: tuple[str, ...],
    kind: ChunkKind = "text",
    codes: tuple[str, ...] = (),
    notices: tuple[Chunk, ...] = (),
    signal: Signal | None = None,
    last_page: int | None = None,
) -> Chunk:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Chunk(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{of.id} {page} {text}")),
        manual_id=of.id,
        position=page * 100 + len(text) % 100,
        text=text,
        kind=kind,
        heading=heading,
        first_page=page,
        last_page=last_page or page,
        first_label=str(page - 5),
        last_label=str((last_page or page) - 5),
        language=of.language,
        content_hash=digest,
        boxes=(Box(page, 0.1, 0.2, 0.9, 0.3),),
        signal=signal,
        codes=codes,
        notices=tuple(notice.id for notice in notices),
    )


def compressor() -> tuple[Manual, list[Chunk]]:
    of = manual(COMPRESSOR, "de", revision="4.2")
    faults, data, oil = (
        ("8 Störungen", "8.3 Liste"),
        ("2 Technische Daten",),
        ("7 Wartung", "7.4 Öl"),
    )
    danger = chunk(
        of,
        "GEFAHR\nLebensgefahr durch unter Druck stehende Bauteile!\nVor allen Arbeiten die Anlage "
        "vollständig drucklos machen.",
        page=20, heading=oil, kind="notice", signal=Signal.DANGER,
    )  # fmt: skip
    caution = chunk(
        of,
        "VORSICHT\nVerbrennungsgefahr durch heißes Öl!\nÖl auf unter 50 °C abkühlen lassen.",
        page=20, heading=oil, kind="notice", signal=Signal.CAUTION,
    )  # fmt: skip
    return of, [
        danger,
        caution,
        chunk(
            of,
            "1. Anlage ausschalten und drucklos machen.\n2. Ölablassschraube öffnen und Öl in eine "
            "Wanne ablassen.\n3. Ölablassschraube mit neuer Dichtung einsetzen und mit 45 Nm "
            "anziehen.\n4. 24 l Kompressorenöl einfüllen.\n5. Anlage starten und Ölstand prüfen.",
            page=20, last_page=21, heading=oil, kind="procedure", notices=(danger, caution),
        ),
        chunk(
            of,
            "Code: E-104 | Störung: Verdichtungsendtemperatur zu hoch | Ursache: Ölstand zu niedrig; "
            "Kühler verschmutzt | Abhilfe: Öl nachfüllen; Kühler reinigen. Abschaltung bei 110 °C",
            page=27, heading=faults, kind="fault", codes=("E-104",),
        ),
        chunk(
            of,
            "Code: E-105 | Störung: Netzdruck zu niedrig | Ursache: Leckage im Netz | Abhilfe: Leitung "
            "abdichten. Meldung unter 5,5 bar",
            page=27, heading=faults, kind="fault", codes=("E-105",),
        ),
        chunk(
            of,
            "Tabelle 7: Anzugsdrehmomente\nSchraubverbindung: Ölablassschraube | Gewinde: M22x1,5 | "
            "Anzugsdrehmoment: 45 Nm\nSchraubverbindung: Motorfuß | Gewinde: M12 | Anzugsdrehmoment: "
            "85 Nm\nSchraubverbindung: Riemenschutz | Gewinde: M8 | Anzugsdrehmoment: 20 Nm",
            page=12, heading=(*data, "2.8 Anzugsdrehmomente"), kind="table",
        ),
        chunk(
            of,
            "Tabelle 6: Elektrische Daten\nAngabe: Motornennleistung | Wert: 37 kW\nAngabe: Nennspannung "
            "| Wert: 400 V\nAngabe: Motordrehzahl | Wert: 2.960 1/min\nAngabe: Betriebsdruck, maximal | "
            "Wert: 8 bar",
            page=11, heading=(*data, "2.5 Elektrische Daten"), kind="table",
        ),
        chunk(
            of,
            "Ölfilter wechseln: alle 2.000 h | Abschnitt: 7.5",
            page=19, heading=("7 Wartung", "7.2 Wartungsplan"), kind="maintenance",
        ),
        chunk(
            of,
            "Der Antriebsmotor treibt den Verdichterblock über einen Schmalkeilriemensatz an. Die "
            "Riemenspannung wird mit der Prüffrequenz von 56 Hz kontrolliert.",
            page=14, heading=("3 Aufbau", "3.1 Übersicht"),
        ),
        chunk(
            of,
            "Ölfilter | Artikelnummer: 4711-0815-B | Menge: 1",
            page=32, heading=("9 Ersatzteile",), kind="parts", codes=("4711-0815-B",),
        ),
    ]  # fmt: skip


def press() -> tuple[Manual, list[Chunk]]:
    of = manual(PRESS, "en", revision="2.0")
    cylinder = ("5 Maintenance", "5.3 Main cylinder")
    warning = chunk(
        of,
        "WARNING\nCrush hazard!\nLock the ram mechanically before working below it.",
        page=30, heading=cylinder, kind="notice", signal=Signal.WARNING,
    )  # fmt: skip
    return of, [
        warning,
        chunk(
            of,
            "The working pressure of the main cylinder is 250 bar. The pressure of the return cylinder "
            "is 90 bar. Check both at the pressure gauge every 500 operating hours.",
            page=30, heading=cylinder, notices=(warning,),
        ),
        chunk(
            of,
            "Code: E-104 | Fault: Oil level low | Cause: Leakage | Remedy: Top up 12 l of HLP 46 oil",
            page=40, heading=("8 Faults",), kind="fault", codes=("E-104",),
        ),
        chunk(
            of,
            "Code: E-203 | Fault: Light curtain interrupted | Cause: Object in the field | Remedy: Clear "
            "the field and press reset",
            page=41, heading=("8 Faults",), kind="fault", codes=("E-203",),
        ),
        chunk(
            of,
            "Table 3: Tightening torques\nJoint: Tie rod nut | Thread: M48 | Torque: 1,250 Nm\nJoint: "
            "Cylinder flange | Thread: M20 | Torque: 410 Nm",
            page=15, heading=("2 Technical data",), kind="table",
        ),
    ]  # fmt: skip


def load(services: Services, of: Manual, chunks: list[Chunk]) -> None:
    """Put a manual into the library and make it searchable."""
    pages = [
        Page(index, str(index - 5), 595, 842, "", language=of.language)
        for index in sorted({one.first_page for one in chunks})
    ]
    services.library.add(of, pages, chunks)
    services.library.publish(of.id)
