"""Which revision answers: by dates, by numbers, by what an admin said, at one instant."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine

from rag.store.library import Library
from rag.store.revisions import is_older
from rag.types import ManualStatus, Quality, Scope
from tests.store.samples import make_chunks, make_manual, make_pages

ACTIVE, SUPERSEDED, SCHEDULED = (
    ManualStatus.ACTIVE,
    ManualStatus.SUPERSEDED,
    ManualStatus.SCHEDULED,
)
TODAY = "2026-11-22"


class Calendar:
    """The day as the library is told it."""

    day = TODAY

    def __call__(self) -> str:
        return self.day


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def library(engine: Engine, calendar: Calendar, tmp_path: Path) -> Library:
    return Library(engine, calendar, tmp_path / "manuals")


def publish(library: Library, name: str, **fields: object) -> ManualStatus:
    """Add and publish a manual; what the plan foresaw is what happens."""
    manual = make_manual(
        name, uploaded_at=f"2026-11-22T12:00:00.{len(library.manuals()):06}", **fields
    )
    library.add(manual, make_pages(manual), make_chunks(manual))
    effect = library.plan(manual).effect
    expected = {"older": SUPERSEDED, "later": SCHEDULED}.get(effect, ACTIVE)
    status = library.publish(manual.id).status
    assert status is expected or manual.quality.needs_release
    return status


def status_of(library: Library) -> dict[str, ManualStatus]:
    return {one.file_name.removesuffix(".pdf"): one.status for one in library.manuals()}


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [
        ("A", "B", True),
        ("B", "A", False),
        ("2", "10", True),
        ("4.1", "4.1.2", True),
        ("03/2024", "11/2023", False),
        ("2019", "2024", True),
        ("2019", "4.2", False),
        ("A", "2", False),
        ("final", "neu", False),
        ("", "B", False),
    ],
)
def test_revision_numbers(one: str, other: str, older: bool) -> None:
    assert is_older(make_manual("x", revision=one), make_manual("y", revision=other)) is older


def test_dates_come_before_numbers() -> None:
    old = make_manual("x", revision="9", valid_from="2020-01-01")
    new = make_manual("y", revision="1", valid_from="2024-01-01")
    assert is_older(old, new)
    assert not is_older(new, old)
    wrong = make_manual("z", revision="1", valid_from="bald")
    assert is_older(wrong, old), "what is no date is left out"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"revision": "B"}, {"revision": "A"}),
        (
            {"revision": "neu", "valid_from": "2024-01-01"},
            {"revision": "alt", "valid_from": "2020-01-01"},
        ),
        ({"revision": "alt"}, {"revision": "neu", "replaces": "no"}),
    ],
)
def test_an_older_revision_never_hides_the_newer(
    library: Library, first: dict[str, object], second: dict[str, object]
) -> None:
    publish(library, "first", **first)
    version = library.corpus_version()
    assert publish(library, "second", **second) is SUPERSEDED
    assert status_of(library) == {"first": ACTIVE, "second": SUPERSEDED}
    assert library.corpus_version() == version
    assert library.roll_back(make_manual("second").id).status is ACTIVE, (
        "it can be had all the same"
    )
    assert status_of(library) == {"first": SUPERSEDED, "second": ACTIVE}


def test_an_admin_may_say_that_it_replaces(library: Library) -> None:
    publish(library, "first", revision="B")
    assert publish(library, "second", revision="A", replaces="yes") is ACTIVE
    assert status_of(library)["first"] is SUPERSEDED


def test_a_future_revision_waits_for_its_day(library: Library, calendar: Calendar) -> None:
    publish(library, "old", revision="A")
    assert publish(library, "new", revision="B", valid_from="2026-12-01") is SCHEDULED
    version = library.corpus_version()
    calendar.day = "2026-11-30"
    assert library.activate_due() == []
    assert (status_of(library)["old"], library.corpus_version()) == (ACTIVE, version)
    calendar.day = "2026-12-01"
    [due] = library.activate_due()
    assert (due.file_name, due.status) == ("new.pdf", ACTIVE)
    assert status_of(library) == {"old": SUPERSEDED, "new": ACTIVE}
    assert (library.corpus_version(), library.activate_due()) == (version + 1, [])


def test_of_several_that_are_due_the_newest_answers(library: Library, calendar: Calendar) -> None:
    for name, day in (("C", "2026-12-03"), ("A", "2026-12-01"), ("B", "2026-12-02")):
        publish(library, name, valid_from=day)
    calendar.day = "2027-01-01"
    assert [one.file_name for one in library.activate_due()] == ["A.pdf", "B.pdf", "C.pdf"]
    assert status_of(library) == {"A": SUPERSEDED, "B": SUPERSEDED, "C": ACTIVE}


def test_one_need_not_wait_and_its_day_can_be_corrected(library: Library) -> None:
    publish(library, "A")
    publish(library, "B", valid_from="2026-12-01")
    publish(library, "C", valid_from="2026-12-24")
    assert library.activate(make_manual("B").id).status is ACTIVE
    assert library.edit(make_manual("C").id, valid_from="2026-12-23").status is SCHEDULED
    assert library.edit(make_manual("C").id, valid_from=TODAY).status is SUPERSEDED, (
        "B is valid from a later day"
    )
    assert status_of(library) == {"A": SUPERSEDED, "B": ACTIVE, "C": SUPERSEDED}


def test_a_release_follows_the_same_rule(library: Library) -> None:
    publish(library, "B")
    doubtful = Quality(pages=2, unread_pages=(2,))
    publish(library, "A", quality=doubtful)
    publish(library, "C", quality=doubtful, valid_from="2027-01-01")
    assert library.release(make_manual("A").id).status is SUPERSEDED
    assert library.release(make_manual("C").id).status is SCHEDULED
    assert status_of(library)["B"] is ACTIVE


def test_whoever_looks_sees_exactly_one_revision(library: Library, calendar: Calendar) -> None:
    publish(library, "A")
    publish(library, "B", valid_from="2026-12-01")
    calendar.day = "2026-12-01"
    seen: set[int] = set()
    looking, done = threading.Event(), threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(len(library.active_ids(Scope(machines=("Kompressor K7",)))))
            looking.set()

    watcher = threading.Thread(target=look)
    watcher.start()
    looking.wait()
    library.activate_due()
    for _ in range(10):
        library.roll_back(make_manual("A").id)
        library.roll_back(make_manual("B").id)
    done.set()
    watcher.join()
    assert seen == {1}
