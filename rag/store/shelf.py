"""Which manual is in which state: steps that change it, within their caller's transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlalchemy import Connection, Engine, select, update

from rag.errors import RagError
from rag.store.database import tables
from rag.store.revisions import Plan, day_of, other_revisions, plan
from rag.store.rows import manual_from_row
from rag.store.state_table import StateTable
from rag.types import Manual, ManualStatus


def local_day() -> str:
    """The day it is where the server stands, as an ISO date."""
    return date.today().isoformat()  # a plant's day, not one of UTC


class Shelf:
    """The rows of ``manuals``; what can be found changes together with the corpus version."""

    def __init__(self, engine: Engine, state: StateTable, today: Callable[[], str]) -> None:
        [self._manuals] = tables(engine, "manuals")
        self._state = state
        self._today = today

    def get(self, connection: Connection, manual_id: str) -> Manual | None:
        query = select(self._manuals).where(self._manuals.c.id == manual_id)
        row = connection.execute(query).first()
        return manual_from_row(row._mapping) if row else None

    def require(
        self, connection: Connection, manual_id: str, status: ManualStatus | None = None
    ) -> Manual:
        """Raises ``RagError`` when there is no such manual, or none of this status."""
        manual = self.get(connection, manual_id)
        if manual is None:
            raise RagError("error.manual_unknown")
        if status is not None and manual.status is not status:
            raise RagError("error.manual_wrong_status", title=manual.title)
        return manual

    def active(self, connection: Connection) -> list[Manual]:
        return self._of_status(connection, ManualStatus.ACTIVE)

    def due(self, connection: Connection) -> list[Manual]:
        """Those that wait for a day that has come, the earliest first."""
        waiting = self._of_status(connection, ManualStatus.SCHEDULED)
        come = [one for one in waiting if day_of(one.valid_from) <= self._today()]
        return sorted(come, key=lambda one: (one.valid_from, one.uploaded_at))

    def plan(self, connection: Connection, manual: Manual) -> Plan:
        return plan(manual, self.active(connection), self._today())

    def take_place(self, connection: Connection, manual: Manual) -> None:
        """Do what the plan says for a manual that is ready."""
        effect = self.plan(connection, manual).effect
        if effect == "later":
            self.set_status(connection, manual.id, ManualStatus.SCHEDULED)
        elif effect == "older":
            self.set_status(connection, manual.id, ManualStatus.SUPERSEDED)
        else:
            self.activate(connection, manual)

    def activate(self, connection: Connection, manual: Manual) -> None:
        """Make it the one that answers; the other active revisions are superseded with it."""
        replaced = other_revisions(manual, self.active(connection))
        for old in replaced:
            self.set_status(connection, old.id, ManualStatus.SUPERSEDED)
        self.set_status(connection, manual.id, ManualStatus.ACTIVE)
        if replaced:
            connection.execute(
                update(self._manuals)
                .where(self._manuals.c.id == manual.id)
                .values(supersedes=replaced[-1].id)
            )
        self._state.bump(connection)

    def set_status(self, connection: Connection, manual_id: str, status: ManualStatus) -> None:
        connection.execute(
            update(self._manuals).where(self._manuals.c.id == manual_id).values(status=str(status))
        )

    def _of_status(self, connection: Connection, status: ManualStatus) -> list[Manual]:
        query = select(self._manuals).where(self._manuals.c.status == str(status))
        return [manual_from_row(row._mapping) for row in connection.execute(query)]
