"""The library: which manuals there are, their pages and passages, and which may be searched.

Whatever changes what can be found happens in one transaction together with the corpus version, so
a question sees a manual complete or not at all, and a new revision replaces the old at one instant.
All methods are synchronous: call them through ``asyncio.to_thread``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from rag.errors import BadFile, RagError
from rag.store.chunk_table import ChunkTable
from rag.store.database import batches, reading, tables
from rag.store.revisions import Plan, newest, other_revisions
from rag.store.rows import manual_from_row, manual_to_row, page_from_row, page_to_row
from rag.store.shelf import Shelf, local_day
from rag.store.state_table import StateTable
from rag.types import Chunk, Manual, ManualStatus, Page, Scope

_REMOVED = "removed-"


class Library:
    """The manuals of ``data_dir``: files in ``folder``, all else in the database.

    ``today`` gives the day by which a revision is valid, as an ISO date; ``folder`` must be given
    when the database is no file, beside which it would be.
    """

    def __init__(
        self, engine: Engine, today: Callable[[], str] = local_day, folder: Path | None = None
    ) -> None:
        self._writes = engine
        self._reads = reading(engine)
        self._manuals, self._pages = tables(engine, "manuals", "pages")
        self._state = StateTable(engine)
        self._shelf = Shelf(engine, self._state, today)
        self._chunks = ChunkTable(engine)
        self.folder = folder or Path(str(engine.url.database)).parent / "manuals"

    # --- manuals ---------------------------------------------------------------------------------

    def manuals(self, status: ManualStatus | None = None) -> list[Manual]:
        """All manuals, or those of one status, by machine and title."""
        query = select(self._manuals).order_by("machine", "title", "revision", "id")
        if status is not None:
            query = query.where(self._manuals.c.status == str(status))
        with self._reads.connect() as connection:
            return [manual_from_row(row._mapping) for row in connection.execute(query)]

    def manual(self, manual_id: str) -> Manual | None:
        with self._reads.connect() as connection:
            return self._shelf.get(connection, manual_id)

    def active_ids(self, scope: Scope) -> frozenset[str]:
        """Ids of the active manuals in ``scope``; its empty fields do not restrict."""
        active = self.manuals(ManualStatus.ACTIVE)
        return frozenset(manual.id for manual in active if is_in(scope, manual))

    def machines(self) -> list[str]:
        """The machines that have an active manual, sorted."""
        return machines_of(self.manuals(ManualStatus.ACTIVE))

    def file_path(self, manual: Manual) -> Path:
        """Where the manual's file lies; its suffix is that of the uploaded file."""
        return self.folder / f"{manual.id}{Path(manual.file_name).suffix.lower() or '.pdf'}"

    # --- pages and chunks ------------------------------------------------------------------------

    def page(self, manual_id: str, index: int) -> Page | None:
        query = select(self._pages).where(
            self._pages.c.manual_id == manual_id, self._pages.c.page_index == index
        )
        with self._reads.connect() as connection:
            row = connection.execute(query).first()
        return page_from_row(row._mapping) if row else None

    def pages(self, manual_id: str) -> list[Page]:
        query = select(self._pages).where(self._pages.c.manual_id == manual_id)
        with self._reads.connect() as connection:
            rows = connection.execute(query.order_by("page_index"))
            return [page_from_row(row._mapping) for row in rows]

    def chunks(self, ids: Sequence[str]) -> dict[str, Chunk]:
        """The chunks of ``ids`` by id, in the order asked for; unknown ids are left out."""
        if not ids:
            return {}
        with self._reads.connect() as connection:
            return self._chunks.by_id(connection, ids)

    def chunks_of(self, manual_id: str) -> list[Chunk]:
        """All chunks of a manual, whatever its status, in reading order."""
        with self._reads.connect() as connection:
            return self._chunks.of_manual(connection, manual_id)

    def notices_of(
        self, manual_id: str, headings: Collection[Sequence[str]], chapters: Collection[str]
    ) -> list[Chunk]:
        """Its chunks with a signal word under exactly these heading paths or in these chapters."""
        with self._reads.connect() as connection:
            return self._chunks.notices_of(connection, manual_id, headings, chapters)

    def section_of(self, manual_id: str, heading: Sequence[str]) -> list[Chunk]:
        """The chunks of a manual under exactly this heading path, in reading order."""
        with self._reads.connect() as connection:
            return self._chunks.of_section(connection, manual_id, heading)

    def active_chunks(self) -> Iterator[Chunk]:
        """Every chunk that may be found, manual by manual, so that memory holds one manual."""
        for manual_id in sorted(self.active_ids(Scope())):
            yield from self.chunks_of(manual_id)

    def find_code(self, folded: str, manual_ids: Collection[str]) -> list[Chunk]:
        """The records of a fault code or part number in ``manual_ids``, in reading order."""
        with self._reads.connect() as connection:
            return self._chunks.with_code(connection, folded, manual_ids)

    def all_codes(self) -> set[str]:
        """Every folded code that an active manual has a record of."""
        with self._reads.connect() as connection:
            return self._chunks.active_codes(connection)

    # --- changes ---------------------------------------------------------------------------------

    def add(self, manual: Manual, pages: Iterable[Page], chunks: Iterable[Chunk]) -> None:
        """Store a manual unseen (status processing), all or nothing.

        Raises ``BadFile("error.already_in_library")`` when its file is there already.
        """
        row = {**manual_to_row(manual), "status": str(ManualStatus.PROCESSING)}
        try:
            with self._writes.begin() as connection:
                connection.execute(insert(self._manuals), row)
                for batch in batches(pages):
                    rows = [{"manual_id": manual.id, **page_to_row(page)} for page in batch]
                    connection.execute(insert(self._pages), rows)
                for chunk_batch in batches(chunks):
                    self._chunks.insert(connection, chunk_batch)
        except IntegrityError as error:
            known = self.manual(manual.id)
            if known is None:
                raise
            raise already_there(known) from error

    def plan(self, manual: Manual) -> Plan:
        """What would become of ``manual``, and of those that are active, were it published now."""
        with self._reads.connect() as connection:
            return self._shelf.plan(connection, manual)

    def publish(self, manual_id: str) -> Manual:
        """Make a processed manual visible, or put it before a human when its quality says so.

        Whether it supersedes an active revision of the same machine, type and language, stands
        behind it or waits for its day says ``rag.store.revisions``; all in the same transaction.
        """
        with self._writes.begin() as connection:
            manual = self._shelf.require(connection, manual_id, ManualStatus.PROCESSING)
            if manual.quality.needs_release:
                self._shelf.set_status(connection, manual_id, ManualStatus.NEEDS_RELEASE)
            else:
                self._shelf.take_place(connection, manual)
            return self._shelf.require(connection, manual_id)

    def release(self, manual_id: str) -> Manual:
        """A human has looked at a manual that was read badly, and takes it as it is."""
        with self._writes.begin() as connection:
            manual = self._shelf.require(connection, manual_id, ManualStatus.NEEDS_RELEASE)
            self._shelf.take_place(connection, manual)
            return self._shelf.require(connection, manual_id)

    def activate_due(self) -> list[Manual]:
        """Publish the manuals whose day has come, the earliest first; those that were."""
        with self._writes.begin() as connection:
            due = self._shelf.due(connection)
            for manual in due:
                self._shelf.take_place(connection, manual)
            return [self._shelf.require(connection, manual.id) for manual in due]

    def activate(self, manual_id: str) -> Manual:
        """Do not wait for the day from which a scheduled manual is valid."""
        with self._writes.begin() as connection:
            manual = self._shelf.require(connection, manual_id, ManualStatus.SCHEDULED)
            self._shelf.activate(connection, manual)
            return self._shelf.require(connection, manual_id)

    def disable(self, manual_id: str) -> Manual:
        """Hide an active manual from answers without deleting anything."""
        with self._writes.begin() as connection:
            self._shelf.require(connection, manual_id, ManualStatus.ACTIVE)
            self._shelf.set_status(connection, manual_id, ManualStatus.DISABLED)
            self._state.bump(connection)
            return self._shelf.require(connection, manual_id)

    def enable(self, manual_id: str) -> Manual:
        """Show a disabled manual again; it comes back as superseded when another revision of it
        has become active meanwhile, so that two revisions never answer at once."""
        with self._writes.begin() as connection:
            manual = self._shelf.require(connection, manual_id, ManualStatus.DISABLED)
            if other_revisions(manual, self._shelf.active(connection)):
                self._shelf.set_status(connection, manual_id, ManualStatus.SUPERSEDED)
            else:
                self._shelf.activate(connection, manual)
            return self._shelf.require(connection, manual_id)

    def roll_back(self, manual_id: str) -> Manual:
        """Return to the superseded revision ``manual_id``; the active one is superseded by it."""
        with self._writes.begin() as connection:
            manual = self._shelf.require(connection, manual_id, ManualStatus.SUPERSEDED)
            self._shelf.activate(connection, manual)
            return self._shelf.require(connection, manual_id)

    def edit(self, manual_id: str, **fields: str) -> Manual:
        """Correct ``title``, ``machine``, ``type``, ``revision`` or ``valid_from``.

        When the correction makes an active manual a revision of another active one, the newer goes
        on answering and the other is superseded. One that waits for its day is published when that
        has passed. Raises ``RagError`` for an empty title and while the manual is being read.
        """
        if not fields.get("title", "-"):
            raise RagError("error.title_missing")
        with self._writes.begin() as connection:
            manual = self._shelf.require(connection, manual_id)
            if manual.status is ManualStatus.PROCESSING:
                raise RagError("error.manual_wrong_status", title=manual.title)
            if fields:
                changed = update(self._manuals).where(self._manuals.c.id == manual_id)
                connection.execute(changed.values(**fields))
            manual = self._shelf.require(connection, manual_id)
            if manual.status is ManualStatus.ACTIVE:
                others = other_revisions(manual, self._shelf.active(connection))
                self._shelf.activate(connection, newest([*others, manual]))
            elif manual.status is ManualStatus.SCHEDULED:
                self._shelf.take_place(connection, manual)
            return self._shelf.require(connection, manual_id)

    def remove(self, manual_id: str) -> None:
        """Delete a manual's records and file; unknown ids are no error. Vectors go separately
        (``rag.ingest.manual.remove_manual``)."""
        with self._writes.begin() as connection:
            manual = self._shelf.get(connection, manual_id)
            if manual is None:
                return
            columns = self._manuals.c
            connection.execute(
                update(self._manuals).where(columns.supersedes == manual_id).values(supersedes="")
            )
            connection.execute(delete(self._manuals).where(columns.id == manual_id))
            if manual.status is ManualStatus.ACTIVE:
                self._state.bump(connection)
            # Marked before the rows are gone: a kill in between leaves no file without a name.
            path = self.file_path(manual)
            marked = path.with_name(_REMOVED + path.name)
            if path.exists():
                path.rename(marked)
        marked.unlink(missing_ok=True)

    def finish_removals(self) -> None:
        """After a kill: delete the files of removed manuals, give back those still kept."""
        for marked in self.folder.glob(f"{_REMOVED}*"):
            path = marked.with_name(marked.name.removeprefix(_REMOVED))
            if self.manual(path.stem) is None:
                marked.unlink()
            else:
                marked.rename(path)

    # --- state -----------------------------------------------------------------------------------

    def corpus_version(self) -> int:
        """Grows by one with every change of what can be found; caches key on it."""
        return self._state.corpus_version()

    def state_get(self, key: str) -> str | None:
        return self._state.get(key)

    def state_set(self, key: str, value: str) -> None:
        self._state.set(key, value)


def already_there(known: Manual) -> BadFile:
    """The refusal of a file that the library has."""
    return BadFile("error.already_in_library", title=known.title, manual_id=known.id)


def is_in(scope: Scope, manual: Manual) -> bool:
    """Whether ``scope`` has the manual; its empty fields do not restrict."""
    return (
        (not scope.machines or manual.machine in scope.machines)
        and (not scope.types or manual.type in scope.types)
        and (not scope.manual_ids or manual.id in scope.manual_ids)
    )


def machines_of(manuals: Iterable[Manual]) -> list[str]:
    """Their machines, each once, sorted."""
    return sorted({manual.machine for manual in manuals if manual.machine})
