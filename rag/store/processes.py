"""The processes that share one PostgreSQL: who is alive, and whose turn something is.

Both are locks that the server holds for a connection and lets go of with it, so that a process
that was killed is gone at once and a machine without power within half a minute; nobody's clock is
asked. A SQLite file has one process, which is alone and always has its turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from rag.store.postgres import LOCKS, connect_apart, is_postgres

_PRESENT = LOCKS + 1
_TURN = LOCKS + 2
_TRY_AGAIN_S = 0.5
_ALIVE = text(
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND classid = :present AND objsubid = 2 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_LOCK = text("SELECT pg_try_advisory_lock(:kind, :number)")


class Turn:
    """Something that one process does at a time; held until it is closed or the process ends."""

    def __init__(self, connection: Connection | None = None) -> None:
        self._connection = connection

    def close(self) -> None:
        if self._connection is not None:
            _let_go(self._connection)


class Processes:
    """Synchronous; call it in a thread, and one call at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.is_shared = is_postgres(engine)
        self._number = secrets.randbelow(2**31 - 1) + 1
        self._connection: Connection | None = None

    @property
    def name(self) -> str:
        """This process among those that are alive."""
        return str(self._number)

    def alive(self) -> frozenset[str]:
        """The names of all that live, this one too: whoever asks is alive from then on, again
        after the server was away. Raises ``DBAPIError``."""
        if not self.is_shared:
            return frozenset([self.name])
        try:
            if self._connection is None:
                self._connection = _locked(self._engine, _PRESENT, self._number)
            if self._connection is None:  # the server has not noticed yet that we are new
                return frozenset([self.name])
            found = self._connection.execute(_ALIVE, {"present": _PRESENT}).scalars()
            return frozenset(str(number) for number in found)
        except DBAPIError:
            self.leave()
            raise

    def leave(self) -> None:
        """Be gone for the others."""
        if self._connection is not None:
            _let_go(self._connection)
            self._connection = None


def take_turn(engine: Engine, name: str) -> Turn | None:
    """The turn to do what is called ``name``; ``None`` while another process has it."""
    if not is_postgres(engine):
        return Turn()
    connection = _locked(engine, _TURN, zlib.crc32(name.encode()) & 0x7FFFFFFF)
    return Turn(connection) if connection is not None else None


@asynccontextmanager
async def turn(engine: Engine, name: str) -> AsyncIterator[None]:
    """Wait for the turn, and have it for a block."""
    while (mine := await asyncio.to_thread(take_turn, engine, name)) is None:  # noqa: ASYNC110
        await asyncio.sleep(_TRY_AGAIN_S)
    try:
        yield
    finally:
        mine.close()


def _let_go(connection: Connection) -> None:
    """Unlocked when this returns; a server notices a closed connection a moment later."""
    with contextlib.suppress(SQLAlchemyError), connection:
        connection.execute(text("SELECT pg_advisory_unlock_all()"))


def _locked(engine: Engine, kind: int, number: int) -> Connection | None:
    """A connection of its own that holds a lock; ``None`` when another one holds it."""
    connection = connect_apart(engine)
    try:
        if connection.execute(_LOCK, {"kind": kind, "number": number}).scalar():
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None
