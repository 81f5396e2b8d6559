"""Files straight to disk, names and fields made harmless."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag.api.guards import DRAIN, MEGABYTE
from rag.api.manual_upload import NAME_LETTERS, clean_field, safe_name, take_in
from rag.errors import BadFile


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def body(size: int, piece: int = 256 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, size, piece):
        yield b"x" * min(piece, size - start)


async def test_a_file_of_just_the_limit_is_kept_as_it_came(tmp_path: Path) -> None:
    path = await take_in(body(MEGABYTE), tmp_path / "uploads", 1)
    assert path.read_bytes() == b"x" * MEGABYTE
    assert path.parent == tmp_path / "uploads"


@pytest.mark.parametrize("size", [MEGABYTE + 1, (DRAIN + 2) * MEGABYTE])
async def test_a_larger_one_is_refused_and_nothing_is_left(tmp_path: Path, size: int) -> None:
    with pytest.raises(BadFile) as caught:
        await take_in(body(size), tmp_path, 1)
    assert (caught.value.key, caught.value.values) == ("error.upload_too_large", {"limit": "1"})
    assert left_in(tmp_path) == []


async def test_a_broken_connection_leaves_nothing(tmp_path: Path) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await take_in(breaks(), tmp_path, 1)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Anleitung Prüfstand.pdf", "Anleitung Prüfstand.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\b.PDF", "b.PDF"),
        ("a\x00b\n<script>.pdf", "a b script.pdf"),
        ("Anleitung \u202efdp.exe", "Anleitung fdp.exe"),
        ("Pru\u0308fung.pdf", "Prüfung.pdf"),
        ("", "manual.pdf"),
        ("...", "manual.pdf"),
        ("/", "manual.pdf"),
    ],
)
def test_names(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_a_long_name_keeps_its_suffix() -> None:
    name = safe_name("x" * 1000 + ".pdf")
    assert len(name) == NAME_LETTERS
    assert name.endswith("x.pdf")


def test_fields_are_one_printable_line() -> None:
    assert clean_field("  HP\t160\n\x1b[31m ") == "HP 160 [31m"
    assert len(clean_field("x" * 500)) == 120
