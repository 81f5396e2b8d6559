"""Corrections of a manual's details, and what they do to its other revisions."""

from __future__ import annotations

import pytest

from rag.errors import RagError
from rag.store.library import Library
from rag.types import ManualStatus, Scope
from tests.store.test_library import add


def test_a_correction_shows_in_what_is_found(library: Library) -> None:
    manual_id = add(library, "A")
    library.publish(manual_id)
    version = library.corpus_version()
    manual = library.edit(manual_id, title="Neu", machine="K8", valid_from="2026-01-31")
    assert (manual.title, manual.machine, manual.valid_from) == ("Neu", "K8", "2026-01-31")
    assert library.machines() == ["K8"]
    assert {(one.title, one.machine) for one in library.chunks_of(manual_id)} == {("Neu", "K8")}
    assert library.corpus_version() > version


@pytest.mark.parametrize("edited", ["A", "B"])
def test_corrected_into_a_revision_the_later_upload_answers(library: Library, edited: str) -> None:
    """Whichever of the two is corrected."""
    ids = {}
    for name, revision, month in (("A", "1", "01"), ("B", "2", "02")):
        ids[name] = add(
            library,
            name,
            machine="Mistyped" if name == edited else "K7",
            revision=revision,
            uploaded_at=f"2026-{month}-01T00:00:00+00:00",
        )
        library.publish(ids[name])
    assert library.active_ids(Scope()) == set(ids.values())
    manual = library.edit(ids[edited], machine="K7")
    assert library.active_ids(Scope()) == {ids["B"]}
    assert manual.status is (ManualStatus.ACTIVE if edited == "B" else ManualStatus.SUPERSEDED)
    assert library.roll_back(ids["A"]).status is ManualStatus.ACTIVE
    assert library.active_ids(Scope()) == {ids["A"]}


def test_a_hidden_manual_stays_hidden(library: Library) -> None:
    manual_id = add(library, "A")
    library.publish(manual_id)
    library.disable(manual_id)
    assert library.edit(manual_id, title="Neu").status is ManualStatus.DISABLED
    assert library.active_ids(Scope()) == frozenset()


def test_what_cannot_be_corrected(library: Library) -> None:
    manual_id = add(library, "A")
    with pytest.raises(RagError) as reading:
        library.edit(manual_id, title="Neu")
    library.publish(manual_id)
    with pytest.raises(RagError) as empty:
        library.edit(manual_id, title="")
    with pytest.raises(RagError) as unknown:
        library.edit("unknown", title="Neu")
    assert [caught.value.key for caught in (reading, empty, unknown)] == [
        "error.manual_wrong_status",
        "error.title_missing",
        "error.manual_unknown",
    ]
