"""The passages in the database, with the codes that each is the record of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select, insert, or_, select

from rag.codes import fold_code
from rag.store.database import batches, tables
from rag.store.rows import chunk_from_row, chunk_to_row, heading_to_json
from rag.types import Chunk, ManualStatus


class ChunkTable:
    """Reads and writes chunks inside the caller's transaction."""

    def __init__(self, engine: Engine) -> None:
        self._manuals, self._chunks, self._codes = tables(engine, "manuals", "chunks", "codes")

    def insert(self, connection: Connection, chunks: Sequence[Chunk]) -> None:
        connection.execute(insert(self._chunks), [chunk_to_row(chunk) for chunk in chunks])
        codes = [
            {
                "chunk_id": chunk.id,
                "manual_id": chunk.manual_id,
                "position": position,
                "code": fold_code(printed),
                "printed": printed,
            }
            for chunk in chunks
            for position, printed in enumerate(chunk.codes)
        ]
        if codes:
            connection.execute(insert(self._codes), codes)

    def by_id(self, connection: Connection, ids: Sequence[str]) -> dict[str, Chunk]:
        """In the order of ``ids``; unknown ones are left out."""
        found: dict[str, Chunk] = {}
        for batch in batches(ids):
            query = self._select().where(self._chunks.c.id.in_(batch))
            found |= {chunk.id: chunk for chunk in self._load(connection, query)}
        return {chunk_id: found[chunk_id] for chunk_id in ids if chunk_id in found}

    def of_manual(self, connection: Connection, manual_id: str) -> list[Chunk]:
        """In reading order."""
        query = self._select().where(self._chunks.c.manual_id == manual_id)
        return self._load(connection, query.order_by(self._chunks.c.position))

    def notices_of(
        self,
        connection: Connection,
        manual_id: str,
        headings: Collection[Sequence[str]],
        chapters: Collection[str],
    ) -> list[Chunk]:
        """Those with a signal word under these heading paths or in these chapters, as they are
        read."""
        heading = self._chunks.c.heading
        begins = [heading_to_json([chapter]).removesuffix("]") for chapter in chapters]
        query = self._select().where(
            self._chunks.c.manual_id == manual_id,
            self._chunks.c.signal.is_not(None),
            or_(
                heading.in_([heading_to_json(one) for one in headings]),
                *(heading.startswith(begin, autoescape=True) for begin in begins),
            ),
        )
        return self._load(connection, query.order_by(self._chunks.c.position))

    def of_section(
        self, connection: Connection, manual_id: str, heading: Sequence[str]
    ) -> list[Chunk]:
        """Those under exactly this heading path, in reading order."""
        query = self._select().where(
            self._chunks.c.manual_id == manual_id,
            self._chunks.c.heading == heading_to_json(heading),
        )
        return self._load(connection, query.order_by(self._chunks.c.position))

    def with_code(
        self, connection: Connection, folded: str, manual_ids: Collection[str]
    ) -> list[Chunk]:
        """The records of one folded code in some manuals, in reading order."""
        holders = select(self._codes.c.chunk_id).where(
            self._codes.c.code == folded, self._codes.c.manual_id.in_(sorted(manual_ids))
        )
        query = self._select().where(self._chunks.c.id.in_(holders))
        return self._load(
            connection, query.order_by(self._chunks.c.manual_id, self._chunks.c.position)
        )

    def active_codes(self, connection: Connection) -> set[str]:
        """Every folded code of the active manuals."""
        query = (
            select(self._codes.c.code)
            .distinct()
            .join(self._manuals, self._manuals.c.id == self._codes.c.manual_id)
            .where(self._manuals.c.status == str(ManualStatus.ACTIVE))
        )
        return set(connection.execute(query).scalars())

    def _select(self) -> Select[Any]:
        manuals = self._manuals.c
        return select(self._chunks, manuals.machine, manuals.revision, manuals.title).join(
            self._manuals, manuals.id == self._chunks.c.manual_id
        )

    def _load(self, connection: Connection, query: Select[Any]) -> list[Chunk]:
        rows = [row._mapping for row in connection.execute(query)]
        codes = self._codes_of(connection, [row["id"] for row in rows])
        return [
            chunk_from_row(
                row,
                tuple(codes[row["id"]]),
                machine=row["machine"],
                revision=row["revision"],
                title=row["title"],
            )
            for row in rows
        ]

    def _codes_of(self, connection: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
        codes: dict[str, list[str]] = defaultdict(list)
        for batch in batches(ids):
            query = (
                select(self._codes.c.chunk_id, self._codes.c.printed)
                .where(self._codes.c.chunk_id.in_(batch))
                .order_by(self._codes.c.chunk_id, self._codes.c.position)
            )
            for chunk_id, printed in connection.execute(query):
                codes[chunk_id].append(printed)
        return codes
