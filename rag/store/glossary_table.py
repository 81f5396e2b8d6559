"""The versions of a plant's own words, and which of them is in use."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import Engine, insert, select

from rag.errors import RagError
from rag.store.database import now, reading, tables
from rag.store.state_table import StateTable

_IN_USE = "glossary_version"


@dataclass(frozen=True, slots=True)
class WordList:
    """One uploaded CSV: ``concepts`` lines with ``names`` words, in use or not."""

    version: int
    file_name: str
    concepts: int
    names: int
    uploaded_by: str
    uploaded_at: str
    in_use: bool = False


class GlossaryTable:
    """Synchronous. A change of what is in use bumps the corpus version in its transaction: what
    was found with other words is no longer true."""

    def __init__(self, engine: Engine) -> None:
        self._writes = engine
        self._reads = reading(engine)
        [self._lists] = tables(engine, "glossaries")
        self._state = StateTable(engine)

    def versions(self) -> list[WordList]:
        """The newest first."""
        in_use = self.version_in_use()
        columns = [self._lists.c[item.name] for item in fields(WordList) if item.name != "in_use"]
        with self._reads.connect() as connection:
            rows = connection.execute(select(*columns).order_by(self._lists.c.version.desc()))
            return [WordList(**row._mapping, in_use=row.version == in_use) for row in rows]

    def version_in_use(self) -> int:
        """0: only the words that Millwright brings."""
        return int(self._state.get(_IN_USE) or 0)

    def content(self, version: int) -> str:
        """The CSV as it was uploaded. Raises ``RagError("error.glossary_unknown")``."""
        query = select(self._lists.c.content).where(self._lists.c.version == version)
        with self._reads.connect() as connection:
            content: str | None = connection.execute(query).scalar()
        if content is None:
            raise RagError("error.glossary_unknown")
        return content

    def add(
        self, content: str, *, file_name: str, concepts: int, names: int, uploaded_by: str
    ) -> int:
        """Keep a list and use it from now on; its version."""
        row = {
            "content": content,
            "file_name": file_name,
            "concepts": concepts,
            "names": names,
            "uploaded_by": uploaded_by,
            "uploaded_at": now(),
        }
        with self._writes.begin() as connection:
            key = connection.execute(insert(self._lists), row).inserted_primary_key
            version = int(key[0]) if key else 0
            self._state.put(connection, _IN_USE, str(version))
            self._state.bump(connection)
        return version

    def use(self, version: int) -> None:
        """Go back to a version, or on to it; 0 for only the words that Millwright brings.

        Raises ``RagError("error.glossary_unknown")``.
        """
        if version:
            self.content(version)
        with self._writes.begin() as connection:
            self._state.put(connection, _IN_USE, str(version))
            self._state.bump(connection)
