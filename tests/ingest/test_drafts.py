"""Files that wait for their admin's word: kept, swept, refused, and never queued by themselves."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import BadFile, RagError
from rag.ingest.drafts import KEPT_S, MOST_OF_ONE, Drafts
from rag.ingest.jobs import JobQueue, JobStatus
from rag.types import ManualMetadata
from tests.ingest.parts import Parts, finished, make_pdf

pytestmark = pytest.mark.slow


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def drafts(parts: Parts, queue: JobQueue, clock: Clock) -> AsyncIterator[Drafts]:
    drafts = Drafts(parts.settings, parts.library, queue, clock)
    await drafts.start()
    yield drafts
    await drafts.stop()


def arrived(drafts: Drafts, name: str, machine: str = "K 700") -> Path:
    """A file as it lies in the folder when all of it has been sent."""
    return make_pdf(drafts.folder / name, machine, pages=1)


async def test_a_draft_is_looked_at_and_queued_only_when_confirmed(
    drafts: Drafts, queue: JobQueue, parts: Parts
) -> None:
    draft = await drafts.add(arrived(drafts, "a"), "Anleitung.pdf", "eva")
    assert draft.look is not None
    assert draft.look.machine == "K 700"
    assert (await queue.jobs(), parts.library.manuals()) == ([], [])
    with pytest.raises(RagError, match="draft_unknown"):
        drafts.get(draft.id, "adam")
    said = ManualMetadata(title="Titel", uploaded_by="eva")
    job = await drafts.confirm(draft.id, said)
    assert (await finished(queue, job)).status is JobStatus.DONE
    [manual] = parts.library.manuals()
    assert (manual.title, manual.file_name, manual.uploaded_by) == ("Titel", "Anleitung.pdf", "eva")
    assert manual.machine == "", "what the admin has cleared is not guessed again"
    assert list(drafts.folder.iterdir()) == []
    with pytest.raises(RagError, match="draft_unknown"):
        await drafts.confirm(draft.id, said)


async def test_what_cannot_become_a_manual_is_said_at_once(drafts: Drafts, queue: JobQueue) -> None:
    draft = await drafts.add(arrived(drafts, "a"), "a.pdf", "eva")
    copy = Path(shutil.copy(draft.path, drafts.folder / "again"))
    with pytest.raises(BadFile, match="draft_twice"):
        await drafts.add(copy, "b.pdf", "adam")
    kept = Path(shutil.copy(draft.path, drafts.folder / "later"))
    job = await drafts.confirm(draft.id, ManualMetadata(uploaded_by="eva"))
    await finished(queue, job)
    with pytest.raises(BadFile, match="already_in_library"):
        await drafts.add(kept, "c.pdf", "eva")
    broken = drafts.folder / "broken"
    broken.write_bytes(b"%PDF-1.7\n" + b"x" * 1000)
    with pytest.raises(BadFile, match="pdf_damaged"):
        await drafts.add(broken, "d.pdf", "eva")
    assert drafts.of("eva") == []
    assert list(drafts.folder.iterdir()) == []


async def test_an_hour_and_a_start_sweep(drafts: Drafts, parts: Parts, clock: Clock) -> None:
    first = await drafts.add(arrived(drafts, "a", "A"), "a.pdf", "eva")
    clock.seconds = KEPT_S / 2
    second = await drafts.add(arrived(drafts, "b", "B"), "b.pdf", "eva")
    clock.seconds = KEPT_S
    await drafts.sweep()
    assert not first.path.exists()
    assert drafts.of("eva") == [second]
    await drafts.discard(second.id, "eva")
    (drafts.folder / "left by a kill").touch()
    again = Drafts(parts.settings, parts.library, drafts._jobs, clock)
    await again.start()
    await again.stop()
    assert list(drafts.folder.iterdir()) == []


async def test_drafts_outlive_the_process(drafts: Drafts, parts: Parts, clock: Clock) -> None:
    kept = await drafts.add(arrived(drafts, "a", "A"), "a.pdf", "eva")
    confirmed = await drafts.add(arrived(drafts, "b", "B"), "b.pdf", "eva")
    note = confirmed.path.with_name("b.note").read_text()
    file = Path(shutil.copy(confirmed.path, drafts.folder.parent / "b"))
    await drafts.confirm(confirmed.id, ManualMetadata(uploaded_by="eva"))
    # As a kill leaves it that comes when the queue has the file and the draft is not put away.
    confirmed.path.hardlink_to(file)
    confirmed.path.with_name("b.note").write_text(note)
    (drafts.folder / "c.note").write_text(note[:20])
    clock.seconds += 1000

    again = Drafts(parts.settings, parts.library, drafts._jobs, clock)
    await again.start()

    assert again.of("eva") == [replace(kept, kept_until=clock.seconds + KEPT_S)]
    assert {path.name for path in drafts.folder.iterdir()} == {"a", "a.note"}
    await again.discard(kept.id, "eva")
    await again.stop()
    assert list(drafts.folder.iterdir()) == []


async def test_nobody_fills_the_disk_with_drafts(drafts: Drafts) -> None:
    one = await drafts.add(arrived(drafts, "a"), "a.pdf", "eva")
    for number in range(MOST_OF_ONE - 1):
        drafts._drafts[str(number)] = one
    with pytest.raises(RagError, match="drafts_too_many"):
        drafts.make_room("eva")
    drafts.make_room("adam")
