"""The same twice is one hit; a different value never is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.retrieve.dedup import merge_duplicates
from rag.retrieve.join import join_pages
from rag.types import Chunk, Hit
from tests.retrieve.corpus import COMPRESSOR, chunks, manual

WARNING = (
    "Vor allen Arbeiten an der Anlage den Hauptschalter ausschalten und mit einem Vorhängeschloss "
    "sichern. Die Schrauben am Deckel des Behälters mit 25 Nm anziehen und danach auf Dichtheit "
    "prüfen, bevor der Absperrhahn wieder langsam geöffnet wird."
)


def chunk(text: str, number: int = 0, **changes: object) -> Chunk:
    first = next(iter(chunks(manual("KX-200", "de"), COMPRESSOR)))
    given = {"machine": "KX-200", "revision": "1", "heading": ("Wartung",), **changes}
    return replace(first, id=f"id{number}", text=text, **given)


def test_repetition_is_merged_and_its_page_kept() -> None:
    one, two = chunk(WARNING, 1, first_page=3), chunk(WARNING.upper(), 2, first_page=9)
    other = chunk("Ölstand täglich kontrollieren.", 3)
    merged = merge_duplicates([Hit(one), Hit(two), Hit(other)], jaccard=0.85)
    assert [hit.chunk.id for hit in merged] == ["id1", "id3"]
    assert merged[0].also_on == (two,)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (WARNING.replace("25 Nm", "30 Nm"), {}),
        (WARNING.replace("25 Nm", "25 bar"), {}),
        (WARNING + " Siehe E-104.", {}),
        (WARNING, {"machine": "KX-300"}),
        (WARNING, {"revision": "2"}),
    ],
)
def test_different_values_stay_two(text: str, changes: dict[str, object]) -> None:
    hits = [Hit(chunk(WARNING, 1)), Hit(chunk(text, 2, **changes))]
    assert len(merge_duplicates(hits, jaccard=0.85)) == 2


def test_one_page_is_one_hit_and_warnings_stay_linked() -> None:
    warning = chunk("WARNUNG Heiß!", 1, first_page=4, kind="notice", position=1)
    step = chunk("1. Deckel öffnen.", 2, first_page=4, position=2)
    far = chunk("Ölsorte", 3, first_page=9)
    joined = join_pages([Hit(warning), Hit(far), Hit(step)], depth=10, most=3, characters=500)
    assert [hit.chunk.first_page for hit in joined] == [4, 9]
    assert joined[0].chunk.id == "id2"
    assert joined[0].chunk.text == "WARNUNG Heiß!\n1. Deckel öffnen."
    assert joined[0].chunk.notices == ("id1",)
