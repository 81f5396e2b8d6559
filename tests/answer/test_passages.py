"""Which passages are told, and which pieces of a page."""

from __future__ import annotations

from dataclasses import replace

from rag.answer.clean import plain
from rag.answer.passages import choose_passages, one_table_each, pieces_of
from rag.answer.relevance import Relevance
from rag.retrieve.join import join_pages
from rag.services import Services
from rag.types import Chunk, Hit, Retrieval, Signal
from tests.answer.conftest import answer_to
from tests.answer.small_library import chunk, load, manual

MILL = manual("Fräse F 7", "de")


def page_of_two_procedures() -> list[Chunk]:
    """Two procedures and a warning of one page, as they are read."""
    warning = chunk(MILL, "WARNUNG\nSpindel läuft nach!\nStillstand abwarten.", page=8,
                    heading=("4", "4.2 Spindel schmieren"), kind="notice",
                    signal=Signal.WARNING)  # fmt: skip
    start = chunk(MILL, "1. Hauptschalter einschalten.\n2. Referenzfahrt starten.", page=8,
                  heading=("4", "4.1 Einschalten"), kind="procedure")  # fmt: skip
    grease = chunk(MILL, "1. Spindel anhalten.\n2. Spindel mit 5 g Fett schmieren.", page=8,
                   heading=("4", "4.2 Spindel schmieren"), kind="procedure",
                   notices=(warning,))  # fmt: skip
    return [replace(one, position=n) for n, one in enumerate([start, warning, grease], start=800)]


def joined(chunks: list[Chunk], best: int) -> Retrieval:
    """What retrieval hands over when it found all of ``chunks``, number ``best`` first."""
    order = [chunks[best], *(one for one in chunks if one is not chunks[best])]
    hits = [Hit(one, {}, {"bm25": 9.0 - place}) for place, one in enumerate(order)]
    pages = tuple(join_pages(hits, depth=10, most=3, characters=1600))
    return Retrieval(pages, {"reranked": tuple(hits), "final": pages}, "found")


def test_a_joined_page_is_known_by_its_pieces() -> None:
    chunks = page_of_two_procedures()
    retrieval = joined(chunks, best=2)

    assert [one.id for one in pieces_of(retrieval.hits[0], retrieval)] == [c.id for c in chunks]
    alone = replace(retrieval.hits[0], chunk=replace(chunks[0], text="Text von anderswo"))
    assert pieces_of(alone, retrieval) == (alone.chunk,)


def test_only_the_procedure_that_was_asked_for_is_told(quoting: Services) -> None:
    chunks = page_of_two_procedures()
    load(quoting, MILL, chunks)
    relevance = Relevance(quoting.keywords.build(), "Wie schmiere ich die Spindel?", "de", {"de"})

    (passage,) = choose_passages(joined(chunks, best=2), relevance, quoting.library, 3)

    assert passage.pieces == (chunks[2],)
    assert passage.hit.chunk.text == chunks[2].text
    assert passage.hit.chunk.heading[-1] == "4.2 Spindel schmieren"
    assert passage.hit.chunk.notices == (chunks[1].id,)
    assert not passage.further


def test_a_notice_stands_for_the_steps_of_its_section(quoting: Services) -> None:
    chunks = page_of_two_procedures()
    load(quoting, MILL, chunks)
    relevance = Relevance(quoting.keywords.build(), "Läuft die Spindel nach?", "de", {"de"})
    found = Retrieval((Hit(chunks[1]),), {}, "found")

    (passage,) = choose_passages(found, relevance, quoting.library, 3)

    assert passage.hit.chunk.text == chunks[2].text
    assert chunks[1].id in passage.hit.chunk.notices


def test_rows_of_one_table_are_told_under_one_title() -> None:
    rows = [
        chunk(MILL, f"Tabelle 2: Momente\nTeil: {part} | Moment: {value}", page=9,
              heading=("2",), kind="table")
        for part, value in (("Deckel", "20 Nm"), ("Flansch", "60 Nm"))
    ]  # fmt: skip

    (table,) = one_table_each(rows)

    assert table.text.split("\n") == [
        "Tabelle 2: Momente", "Teil: Deckel | Moment: 20 Nm", "Teil: Flansch | Moment: 60 Nm",
    ]  # fmt: skip
    assert len(table.boxes) == 2


async def test_a_warning_in_its_box_is_not_quoted_again(quoting: Services) -> None:
    load(quoting, MILL, page_of_two_procedures())

    answer = await answer_to("Wie schmiere ich die Spindel der Fräse?", quoting)

    assert [notice.word for notice in answer.notices] == ["WARNUNG"]
    assert "Stillstand abwarten" not in plain(answer.text)
    assert "2. Spindel mit 5 g Fett schmieren." in plain(answer.text)


async def test_places_that_come_close_are_named_and_not_quoted(quoting: Services) -> None:
    plant = manual("Pumpe P 5", "de")
    pages = [
        chunk(plant, f"Die Stopfbuchse der Pumpe {place} wird alle {n} h nachgezogen.",
              page=20 + n, heading=(f"{n} {place}",))
        for n, place in enumerate(("vorn", "hinten", "oben", "unten", "links", "rechts"), start=1)
    ]  # fmt: skip
    load(quoting, plant, pages)

    answer = await answer_to("Wann wird die Stopfbuchse der Pumpe nachgezogen?", quoting)

    assert [one.further for one in answer.citations] == [False] * 3 + [True] * 3
    assert answer.text.count("> — ") == 3
    assert "**Auch hier nachsehen:**" in answer.text
    assert all(f"[{one.n}]" in answer.text for one in answer.citations)
