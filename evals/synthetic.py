"""Passages and questions made up in any number: real words of the trade, word frequencies as in
language (Zipf), vectors in clusters as embedding models give them. The same on every run."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.types import Chunk, Language, Manual, ManualStatus, Page

CHUNKS_PER_MANUAL = 1_000
CHUNKS_PER_PAGE = 4
WORDS_PER_CHUNK = 90

_PARTS = (
    "Öl Luft Druck Filter Pumpen Motor Keilriemen Kupplungs Getriebe Ventil Kühler Lager Wellen "
    "Dichtungs Schrauben Zylinder Kolben Sensor Steuer Sicherheits Wartungs Not Haupt Neben Strom "
    "Netz Spindel Schlitten Werkzeug Spann Hydraulik Pneumatik Kühlmittel Schmier Abscheider "
    "Kondensat Ansaug Verdichter Regel Mess"
).split()
_HEADS = (
    "filter pumpe motor ventil leitung anschluss schalter anzeige temperatur druck wechsel prüfung "
    "störung meldung deckel schraube dichtung behälter stand regler kreislauf einheit gehäuse "
    "spannung verlust messung"
).split()
_GERMAN = (
    "der die das und mit von bei auf nach vor im am zu nicht nur dann wenn ist sind wird werden "
    "prüfen wechseln reinigen anziehen lösen entlüften schalten öffnen schließen einstellen "
    "beachten sofort langsam täglich jährlich Stunden bar Nm mm links rechts oben unten"
).split()
_ENGLISH = (
    "the and with of at on after before in to not only then when is are be check replace clean "
    "tighten loosen vent switch open close adjust observe slowly daily yearly hours bar Nm mm left "
    "right top bottom oil air pressure filter pump motor belt clutch gear valve cooler bearing "
    "shaft seal screw cylinder piston sensor control safety service main spindle slide tool "
    "hydraulic pneumatic coolant grease separator condensate intake compressor temperature"
).split()


def german_words() -> list[str]:
    """Some 1,100 words, the commonest first; most are compounds."""
    compounds = [part + head for head in _HEADS for part in _PARTS]
    return _GERMAN + compounds


def english_words() -> list[str]:
    nouns = _ENGLISH[26:]
    return _ENGLISH + [f"{first}-{second}" for first in nouns for second in nouns]


class Writer:
    """Writes manuals and questions; two writers write the same."""

    def __init__(self) -> None:
        self._chance = np.random.default_rng(20261122)
        self._words: dict[Language, list[str]] = {"de": german_words(), "en": english_words()}

    def manuals(self, chunks: int) -> Iterator[tuple[Manual, list[Page], list[Chunk]]]:
        """Manuals of at most 1,000 passages each, German and English by turns."""
        for number, start in enumerate(range(0, chunks, CHUNKS_PER_MANUAL)):
            language: Language = "en" if number % 2 else "de"
            count = min(CHUNKS_PER_MANUAL, chunks - start)
            manual = _manual(number, language, count)
            passages = [self._chunk(manual, position) for position in range(count)]
            yield manual, [_page(index + 1, language) for index in range(manual.pages)], passages

    def one_more(self, chunks: int) -> tuple[Manual, list[Page], list[Chunk]]:
        """A German manual beside those of ``manuals``."""
        manual = _manual(1_000_000, "de", chunks)
        passages = [self._chunk(manual, position) for position in range(chunks)]
        return manual, [_page(index + 1, "de") for index in range(manual.pages)], passages

    def questions(self, count: int) -> list[str]:
        """Two to four telling words in a sentence, German and English by turns."""
        questions = []
        for number in range(count):
            language: Language = "en" if number % 2 else "de"
            rare = self._words[language][60:]
            words = [str(word) for word in self._chance.choice(rare, 2 + number % 3)]
            frame = "How do I check the {}?" if language == "en" else "Wie prüfe ich {}?"
            questions.append(frame.format(" ".join(words)))
        return questions

    def text(self, language: Language) -> str:
        words = self._words[language]
        ranks = np.minimum(self._chance.zipf(1.15, WORDS_PER_CHUNK) - 1, 10**9) % len(words)
        chosen = [words[rank] for rank in ranks]
        chosen.insert(7, f"E-{self._chance.integers(100, 999)}")
        chosen.insert(20, f"{self._chance.integers(2, 400)},5 bar")
        return " ".join(chosen) + "."

    def _chunk(self, manual: Manual, position: int) -> Chunk:
        text = self.text(manual.language)
        page = position // CHUNKS_PER_PAGE + 1
        return Chunk(
            id=str(uuid5(NAMESPACE_URL, f"{manual.id}/{position}")),
            manual_id=manual.id,
            position=position,
            text=text,
            kind="text",
            heading=(f"{page // 10 + 1} {text.split()[0]}",),
            first_page=page,
            last_page=page,
            first_label=str(page),
            last_label=str(page),
            language=manual.language,
            content_hash=hashlib.sha256(text.encode()).hexdigest(),
        )


class ClusterEmbedder(Embeddings):
    """384 numbers a text, near one of 256 centres that the text's first words choose."""

    def __init__(self) -> None:
        self.name = "clusters"
        self.dimension = 384
        self.languages: frozenset[Language] = frozenset({"de", "en"})
        self.fingerprint = "clusters-384"
        self._centres = np.random.default_rng(1).normal(size=(256, self.dimension))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        seed = zlib.crc32(text.encode())
        noise = np.random.default_rng(seed).normal(size=self.dimension)
        vector = self._centres[zlib.crc32(text[:12].encode()) % 256] + 0.7 * noise
        unit: list[float] = (vector / np.linalg.norm(vector)).tolist()
        return unit


def _manual(number: int, language: Language, chunks: int) -> Manual:
    sha256 = hashlib.sha256(f"synthetic {number}".encode()).hexdigest()
    return Manual(
        id=str(uuid5(NAMESPACE_URL, sha256)),
        sha256=sha256,
        title=f"Manual {number}",
        machine=f"Machine {number}",
        type="manual",
        revision="1",
        language=language,
        file_name=f"manual {number}.pdf",
        pages=-(-chunks // CHUNKS_PER_PAGE),
        chunks=chunks,
        status=ManualStatus.PROCESSING,
    )


def _page(index: int, language: Language) -> Page:
    return Page(index, str(index), 595.0, 842.0, "", language=language)
