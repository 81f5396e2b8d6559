"""Single values that belong to the database as a whole, and the version of what can be found."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, insert, select, update

from rag.store.database import reading, tables

_CORPUS_VERSION = "corpus_version"


class StateTable:
    """Synchronous; what takes a connection belongs to the caller's transaction."""

    def __init__(self, engine: Engine) -> None:
        self._writes = engine
        self._reads = reading(engine)
        [self._state] = tables(engine, "state")

    def get(self, key: str) -> str | None:
        query = select(self._state.c.value).where(self._state.c.key == key)
        with self._reads.connect() as connection:
            value: str | None = connection.execute(query).scalar()
            return value

    def set(self, key: str, value: str) -> None:
        with self._writes.begin() as connection:
            self.put(connection, key, value)

    def corpus_version(self) -> int:
        """Grows by one with every change of what can be found; caches key on it."""
        return int(self.get(_CORPUS_VERSION) or 0)

    def put(self, connection: Connection, key: str, value: str) -> None:
        changed = connection.execute(
            update(self._state).where(self._state.c.key == key).values(value=value)
        )
        if changed.rowcount == 0:
            connection.execute(insert(self._state), {"key": key, "value": value})

    def bump(self, connection: Connection) -> None:
        """Tell the caches that something else can be found now."""
        query = select(self._state.c.value).where(self._state.c.key == _CORPUS_VERSION)
        version = int(connection.execute(query).scalar() or 0)
        self.put(connection, _CORPUS_VERSION, str(version + 1))
