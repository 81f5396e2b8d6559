from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from rag.codes import fold_code
from rag.errors import BadFile, RagError
from rag.store.library import Library
from rag.types import ManualStatus, Quality, Scope, Signal
from tests.store.samples import make_chunks, make_manual, make_pages


def add(library: Library, name: str, **fields: object) -> str:
    manual = make_manual(name, **fields)
    library.add(manual, make_pages(manual), make_chunks(manual))
    return manual.id


def test_a_manual_comes_back_as_it_was_given(library: Library) -> None:
    manual = make_manual("A")
    library.add(manual, make_pages(manual), make_chunks(manual))
    assert library.manual(manual.id) == manual
    assert library.pages(manual.id) == make_pages(manual)
    assert library.page(manual.id, 2) == make_pages(manual)[1]
    assert library.page(manual.id, 3) is None
    assert library.chunks_of(manual.id) == make_chunks(manual)
    wanted = [make_chunks(manual)[2].id, "unknown", make_chunks(manual)[0].id]
    assert list(library.chunks(wanted)) == [wanted[0], wanted[2]]


def test_nothing_is_found_before_it_is_published(library: Library) -> None:
    manual_id = add(library, "A")
    version = library.corpus_version()
    assert library.active_ids(Scope()) == frozenset()
    assert list(library.active_chunks()) == []
    assert library.all_codes() == set()
    assert library.machines() == []
    assert library.publish(manual_id).status is ManualStatus.ACTIVE
    assert library.active_ids(Scope()) == {manual_id}
    assert len(list(library.active_chunks())) == 4
    assert library.all_codes() >= {fold_code("E-101"), fold_code("4711-3")}
    assert library.machines() == ["Kompressor K7"]
    assert library.corpus_version() == version + 1


def test_the_same_file_twice_is_refused_and_nothing_changes(library: Library) -> None:
    manual_id = add(library, "A")
    library.publish(manual_id)
    with pytest.raises(BadFile) as caught:
        add(library, "A", title="Andere")
    assert caught.value.key == "error.already_in_library"
    assert caught.value.values == {"title": "Betriebsanleitung A", "manual_id": manual_id}
    assert library.manuals() == [library.manual(manual_id)]


def test_a_broken_chunk_leaves_nothing_behind(library: Library) -> None:
    manual = make_manual("A")
    chunks = make_chunks(manual)
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        library.add(manual, make_pages(manual), [*chunks, chunks[0]])
    assert library.manuals() == []
    assert library.pages(manual.id) == []


def test_scope_narrows_by_machine_type_and_manual(library: Library) -> None:
    first, second = add(library, "A"), add(library, "B", machine="Presse P2", type="Ersatzteile")
    library.publish(first)
    library.publish(second)
    assert library.active_ids(Scope(machines=("Presse P2",))) == {second}
    assert library.active_ids(Scope(types=("Betriebsanleitung",))) == {first}
    assert library.active_ids(Scope(manual_ids=(first,))) == {first}
    assert library.active_ids(Scope(machines=("Presse P2",), manual_ids=(first,))) == frozenset()


def test_a_code_is_found_in_its_manuals_only(library: Library) -> None:
    first, second = add(library, "A"), add(library, "B", machine="Presse P2")
    found = library.find_code(fold_code("e 102"), [first])
    assert [(chunk.manual_id, chunk.codes[0]) for chunk in found] == [(first, "E-102")]
    assert len(library.find_code(fold_code("E-102"), [first, second])) == 2
    assert library.find_code(fold_code("E-199"), [first, second]) == []


def test_notices_are_those_of_the_sections_and_chapters(library: Library) -> None:
    manual = make_manual("A", chunks=6)
    chapter = '7 "50 %" Öl'
    headings = [(chapter, "7.1"), (chapter, "7.2"), ('7 "50 x" Öl', "7.1"), ("8",), ("8", "1"), ()]
    chunks = [
        replace(chunk, kind="notice", signal=Signal.WARNING, heading=heading)
        for chunk, heading in zip(make_chunks(manual), headings, strict=True)
    ]
    chunks[1] = replace(chunks[1], kind="text", signal=None)
    library.add(manual, make_pages(manual), chunks)
    other = add(library, "B")

    def found(sections: list[tuple[str, ...]], chapters: list[str]) -> list[int]:
        return [one.position for one in library.notices_of(manual.id, sections, chapters)]

    assert found([], [chapter]) == [0]
    assert found([("8",)], []) == [3]
    assert found([(chapter, "7.2"), ("8", "1")], ["7"]) == [4]
    assert found([], ["8", chapter]) == [0, 3, 4]
    assert library.notices_of(other, [("8",)], [chapter]) == []


def test_a_new_revision_hides_the_old_at_once_and_can_be_rolled_back(library: Library) -> None:
    old, new = add(library, "A"), add(library, "B")
    library.publish(old)
    version = library.corpus_version()
    published = library.publish(new)
    assert (published.supersedes, library.corpus_version()) == (old, version + 1)
    assert library.active_ids(Scope()) == {new}
    assert library.pages(old), "the old revision stays viewable"
    assert library.roll_back(old).status is ManualStatus.ACTIVE
    assert library.active_ids(Scope()) == {old}
    assert library.corpus_version() == version + 2


@pytest.mark.parametrize(
    "fields",
    [
        {"machine": "Presse P2"},
        {"type": "Ersatzteile"},
        {"language": "en"},
        {"revision": "A"},
        {"revision": ""},
    ],
)
def test_another_manual_supersedes_nothing(library: Library, fields: dict[str, object]) -> None:
    first = add(library, "A")
    library.publish(first)
    second = add(library, "B", **fields)
    assert library.publish(second).supersedes == ""
    assert library.active_ids(Scope()) == {first, second}


def test_a_badly_read_manual_waits_for_a_human(library: Library) -> None:
    old = add(library, "A")
    library.publish(old)
    version = library.corpus_version()
    manual_id = add(library, "B", quality=Quality(pages=2, unread_pages=(2,)))
    assert library.publish(manual_id).status is ManualStatus.NEEDS_RELEASE
    assert (library.active_ids(Scope()), library.corpus_version()) == ({old}, version)
    assert library.release(manual_id).status is ManualStatus.ACTIVE
    assert library.active_ids(Scope()) == {manual_id}


def test_disable_and_enable_delete_nothing(library: Library) -> None:
    manual_id = add(library, "A")
    library.publish(manual_id)
    library.disable(manual_id)
    assert library.active_ids(Scope()) == frozenset()
    assert len(library.chunks_of(manual_id)) == 4
    library.enable(manual_id)
    assert library.active_ids(Scope()) == {manual_id}


def test_enabling_an_older_revision_does_not_make_two_answer(library: Library) -> None:
    old, new = add(library, "A"), add(library, "B")
    library.publish(old)
    library.disable(old)
    library.publish(new)
    assert library.enable(old).status is ManualStatus.SUPERSEDED
    assert library.active_ids(Scope()) == {new}


def test_removing_takes_rows_codes_and_file_along(library: Library) -> None:
    old, new = add(library, "A"), add(library, "B")
    library.publish(old)
    manual = library.publish(new)
    path = library.file_path(manual)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"%PDF-")
    version = library.corpus_version()
    library.remove(new)
    library.remove(new)
    assert not path.exists()
    assert library.manual(new) is None
    assert (library.pages(new), library.chunks_of(new)) == ([], [])
    assert library.find_code(fold_code("E-102"), [new]) == []
    assert library.corpus_version() == version + 1
    library.remove(old)
    assert library.corpus_version() == version + 1, "a hidden manual changes no answer"


def test_what_does_not_fit_the_status_is_refused(library: Library) -> None:
    manual_id = add(library, "A")
    for change in (library.release, library.disable, library.enable, library.roll_back):
        with pytest.raises(RagError) as caught:
            change(manual_id)
        assert caught.value.key == "error.manual_wrong_status"
    with pytest.raises(RagError) as caught:
        library.publish("unknown")
    assert caught.value.key == "error.manual_unknown"


def test_the_file_keeps_its_suffix_and_nothing_else_of_its_name(library: Library) -> None:
    manual = replace(make_manual("A"), file_name="../../Öl Plan.DOCX")
    assert library.file_path(manual) == library.folder / f"{manual.id}.docx"


def test_state_is_kept(library: Library) -> None:
    assert library.state_get("x") is None
    library.state_set("x", "1")
    library.state_set("x", "2")
    assert library.state_get("x") == "2"
