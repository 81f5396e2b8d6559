"""What the keyword index needs of a manual and no other manual can change.

Reading a text into pieces is most of the work of indexing. It depends on the text alone, while
the terms that a compound is made of depend on the words of the whole library. So each manual's
pieces are counted once, kept in a file, and made into terms whenever the library changes
(``rag.retrieve.counts``). A file can be lost without harm: it is written again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from rag.retrieve.analyzer import Piece, PieceKind, pieces
from rag.retrieve.words import STOP_WORDS
from rag.types import Chunk, ChunkKind, Language, Manual

KINDS: tuple[ChunkKind, ...] = get_args(ChunkKind)
LANGUAGES: tuple[Language, ...] = get_args(Language)
_PIECE_KINDS: tuple[PieceKind, ...] = get_args(PieceKind)
_DIGITS = re.compile(r"\d+")
_GIVEN_UP_S = 3600
_BETWEEN = "\x1f"  # between a piece's text and its parts
_log = logging.getLogger(__name__)

Array = NDArray[Any]


def _code() -> str:
    """Changes with the code and the Unicode tables that make pieces of a text."""
    digest = hashlib.sha256(unicodedata.unidata_version.encode())
    for name in ("analysed", "analyzer", "numbers", "words"):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()


CODE = _code()


@dataclass(frozen=True, slots=True)
class Analysed:
    """One manual, ``n`` passages in reading order, ``m`` distinct pieces of text.

    A passage's pieces are ``columns[starts[i]:starts[i + 1]]``, each once, in order of first
    appearance, with how often they stand in its headings and in its text.
    """

    manual_id: str
    ids: Array  # (n,) bytes: chunk ids
    pages: Array  # (n,) the first page of each
    kinds: Array  # (n,) places in KINDS
    languages: Array  # (n,) places in LANGUAGES, see ``language_in``
    shapes: Array  # (n,) uint32: of the text without its numbers
    usual: Array  # () the manual's own language, a place in LANGUAGES
    starts: Array  # (n + 1,)
    columns: Array  # (entries,) numbers of pieces
    in_heading: Array  # (entries,)
    in_text: Array  # (entries,)
    pieces: Array  # () bytes: see ``piece``
    words: Array  # (m,) how often the text has the piece, 0 for one that is not a plain word

    @property
    def language(self) -> Language:
        return LANGUAGES[int(self.usual)]

    def keys(self) -> list[str]:
        """The distinct pieces, written so that equal ones are equal in every manual."""
        text: str = self.pieces.item().decode()
        return text.split("\n") if text else []

    def frequencies(self) -> Iterator[tuple[str, int]]:
        """The plain words of the texts, and how often each stands there."""
        for key, count in zip(self.keys(), self.words.tolist(), strict=True):
            if count:
                yield key[1:], count


def key_of(piece: Piece) -> str:
    """A piece as one line of text."""
    return f"{_PIECE_KINDS.index(piece.kind)}{_BETWEEN.join((piece.text, *piece.parts))}"


def piece_of(key: str) -> Piece:
    """The piece that ``key_of`` wrote."""
    text, *parts = key[1:].split(_BETWEEN)
    return Piece(_PIECE_KINDS[int(key[0])], text, tuple(parts))


def analyse(manual_id: str, chunks: Sequence[Chunk]) -> Analysed:
    """Read the passages of one manual into pieces."""
    numbers: dict[str, int] = {}
    words: Counter[int] = Counter()
    found: dict[str, list[Any]] = {name: [] for name in ("columns", "in_heading", "in_text")}
    starts = [0]
    spoken: Counter[Language] = Counter()
    of_chunk = []
    for chunk in chunks:
        above = Counter(_numbered(" / ".join(chunk.heading), numbers))
        read = list(pieces(chunk.text))
        inside = Counter(numbers.setdefault(key_of(piece), len(numbers)) for piece in read)
        plain = [piece.text for piece in read if piece.kind == "word"]
        words.update(numbers[key_of(Piece("word", text))] for text in plain)
        spoken[chunk.language] += len(plain)
        of_chunk.append(plain)
        together = dict.fromkeys((*above, *inside))
        found["columns"].extend(together)
        found["in_heading"].extend(above[number] for number in together)
        found["in_text"].extend(inside[number] for number in together)
        starts.append(len(found["columns"]))
    usual = spoken.most_common(1)[0][0] if spoken else LANGUAGES[0]
    languages = [
        LANGUAGES.index(_language_of(plain, chunk.language, usual))
        for plain, chunk in zip(of_chunk, chunks, strict=True)
    ]
    return Analysed(
        manual_id,
        ids=np.array([chunk.id.encode() for chunk in chunks]),
        pages=_small([chunk.first_page for chunk in chunks]),
        kinds=_small([KINDS.index(chunk.kind) for chunk in chunks]),
        languages=_small(languages),
        shapes=np.array([shape_of(chunk.text) for chunk in chunks], np.uint32),
        usual=np.array(LANGUAGES.index(usual), np.uint8),
        starts=np.array(starts, np.int32),
        **{name: _small(values) for name, values in found.items()},
        pieces=np.array("\n".join(numbers).encode(), np.bytes_),
        words=_small([words[number] for number in range(len(numbers))]),
    )


def _numbered(text: str, numbers: dict[str, int]) -> Iterator[int]:
    for piece in pieces(text):
        yield numbers.setdefault(key_of(piece), len(numbers))


def _small(values: Sequence[int]) -> Array:
    """In the smallest whole numbers that hold them all."""
    array = np.array(values, np.int64)
    return array.astype(np.min_scalar_type(int(array.max(initial=0))))


def language_in(chunk: Chunk, usual: Language) -> Language:
    """The chunk's language; its manual's (``usual``) where the chunk has no words that prove
    another, as in a table of names and values."""
    if chunk.language == usual:
        return usual
    plain = [piece.text for piece in pieces(chunk.text) if piece.kind == "word"]
    return _language_of(plain, chunk.language, usual)


def _language_of(plain: Iterable[str], said: Language, usual: Language) -> Language:
    if said == usual:
        return usual
    counted = Counter(plain)
    proof, against = (
        sum(counted[word] for word in STOP_WORDS[one] & counted.keys()) for one in (said, usual)
    )
    return said if proof >= 2 and proof > against else usual


def shape_of(text: str) -> int:
    """A number for a text without its numbers: equal for the same sentence of sister machines."""
    return zlib.crc32(_DIGITS.sub("", text).encode())


# --- files ---------------------------------------------------------------------------------------


def path_of(folder: Path, manual: Manual) -> Path:
    """Where a manual's pieces are kept: another name for another reading of it, or other code."""
    state = f"{manual.sha256} {manual.uploaded_at} {manual.chunks} {CODE}"
    return folder / f"{manual.id}-{hashlib.sha256(state.encode()).hexdigest()[:16]}.npz"


def load(path: Path, manual_id: str) -> Analysed | None:
    """What ``save`` wrote; ``None`` when there is nothing, or nothing that can be read."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            return Analysed(
                manual_id,
                **{one.name: kept[one.name] for one in fields(Analysed) if one.name in kept},
            )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("%s cannot be read and is made anew: %s", path, error)
        return None


def save(path: Path, analysed: Analysed) -> None:
    """Keep it for the next time; a disk that is full or read-only is no error."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {one.name: getattr(analysed, one.name) for one in fields(Analysed)[1:]}
        with draft.open("wb") as stream:
            np.savez(stream, **arrays)
        draft.rename(path)
    except OSError as error:
        _log.warning("%s cannot be kept: %s", path, error)
        draft.unlink(missing_ok=True)


def sweep(folder: Path, manuals: Iterable[Manual]) -> None:
    """Delete what belongs to no manual of the library any more, and drafts that were given up."""
    wanted = {path_of(folder, manual).name for manual in manuals}
    for path in folder.glob("*.npz"):
        if path.name not in wanted:
            path.unlink(missing_ok=True)
    for draft in folder.glob("*.npz.*"):
        with suppress(FileNotFoundError):  # another process has just finished it
            if time.time() - draft.stat().st_mtime > _GIVEN_UP_S:
                draft.unlink()
