"""Conversations, kept by Chainlit's SQLAlchemy data layer on our database (``0002_history.sql``).

What differs from Chainlit's own: an SQL error is raised, not swallowed; lists and objects are JSON
text; a list of conversations does not load their messages; every field of a message comes back;
a row that exists is never taken over by another user's conversation.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chainlit.data.sql_alchemy import SQLAlchemyDataLayer
from chainlit.data.utils import queue_until_user_message
from chainlit.element import Element
from chainlit.step import StepDict
from chainlit.types import (
    Feedback,
    PaginatedResponse,
    Pagination,
    ThreadDict,
    ThreadFilter,
)
from chainlit.user import PersistedUser, User
from sqlalchemy import text

from rag.errors import NotAllowed
from rag.settings import Settings
from rag.store.database import lower_case, open_database, reading
from rag.store.element_files import ElementFiles
from rag.store.history_list import page_of, page_query
from rag.store.history_rows import as_thread, loaded, stored

logger = logging.getLogger(__name__)

_STEP_COLUMNS = (
    "id name type threadId parentId command modes streaming waitForAnswer isError metadata tags "
    "input output createdAt start end generation showInput defaultOpen autoCollapse language icon"
).split()
_ELEMENT_COLUMNS = (
    "id threadId type chainlitKey url objectKey name display size language page props autoPlay "
    "playerConfig forId mime"
).split()
_SEEN_S, _MOST_SEEN = 30.0, 1000
_THREADS_AT_ONCE = 4
_READS = re.compile(r"\s*(?:SELECT|WITH)\b")
_SHARING = {"is_shared", "shared_at"}  # would open a conversation to everybody, without log-in


class History(SQLAlchemyDataLayer):  # type: ignore[misc]  # Chainlit is not typed for mypy
    """Users, threads, steps, elements and the thumbs shown in the browser."""

    def __init__(self, settings: Settings) -> None:
        # In place of Chainlit's own, whose engine awaits each step of a transaction: a thread that
        # makes the whole of it takes less than half of the processor's time.
        self.files = self.storage_provider = ElementFiles(settings.data_dir.resolve() / "elements")
        self.show_logger = False
        self._writes = open_database(settings)
        self._reads = reading(self._writes)
        self._lowered = lower_case(self._writes.dialect.name)
        # Not the threads that search: a writer that waits for another must not take them all.
        self._threads = ThreadPoolExecutor(_THREADS_AT_ONCE, thread_name_prefix="history")
        # Chainlit starts a task for each version of a step: the last one must be written last.
        self._in_order = asyncio.Lock()
        self._seen: dict[str, float] = {}

    async def close(self) -> None:
        self._threads.shutdown()
        self._writes.dispose()

    async def execute_sql(
        self, query: str, parameters: dict[str, Any]
    ) -> list[dict[str, Any]] | int:
        """Rows of a query, or the number of rows changed. Logs and raises what goes wrong."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._execute, query, parameters)
        except Exception as error:
            logger.error("the history could not be read or written: %s", error)
            raise

    def _execute(self, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]] | int:
        values = {name: stored(value) for name, value in parameters.items()}
        engine = self._reads if _READS.match(query) else self._writes
        with engine.begin() as connection:
            result = connection.execute(text(query), values)
            if not result.returns_rows:
                return result.rowcount
            return [loaded(dict(row)) for row in result.mappings()]

    async def _rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        rows = await self.execute_sql(query, parameters)
        return rows if isinstance(rows, list) else []

    # --- threads ---------------------------------------------------------------------------

    async def get_thread_author(self, thread_id: str) -> str:
        """The name of the owner; empty when there is no such thread, which Chainlit calls 404."""
        rows = await self._rows('SELECT "userIdentifier" FROM threads WHERE id = :id', id=thread_id)
        return (rows[0]["userIdentifier"] or "") if rows else ""

    async def update_thread(
        self,
        thread_id: str,
        name: str | None = None,
        user_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        tags: list[str] | None = None,
    ) -> None:
        """As Chainlit's, but never takes a thread from its owner (``NotAllowed``) or shares it.

        With an id alone it only sees to it that the thread is there, which Chainlit asks for with
        every step and element: that is not written again within seconds. An empty name is none.
        """
        name = name or None
        now = time.monotonic()
        is_news = any(value is not None for value in (name, user_id, metadata, tags))
        if not is_news and now - self._seen.get(thread_id, float("-inf")) < _SEEN_S:
            return
        if user_id:
            owner = await self._get_user_id_by_thread(thread_id)
            if owner not in (None, user_id):
                raise NotAllowed("error.not_yours")
        if metadata is not None:
            metadata = {key: value for key, value in metadata.items() if key not in _SHARING}
        await super().update_thread(thread_id, name, user_id, metadata, tags)
        if len(self._seen) > _MOST_SEEN:
            self._seen.clear()
        self._seen[thread_id] = now

    async def delete_thread(self, thread_id: str) -> None:
        self._seen.pop(thread_id, None)
        await super().delete_thread(thread_id)
        self._seen.pop(thread_id, None)

    async def list_threads(
        self, pagination: Pagination, filters: ThreadFilter
    ) -> PaginatedResponse[ThreadDict]:
        """A page of a user's threads, the latest first, without their steps.

        ``filters.search`` looks into names and messages, ``filters.feedback`` for a rating.
        """
        if not filters.userId:
            raise ValueError("userId is required")
        query, values = page_query(pagination, filters, self._lowered)
        return page_of(await self._rows(query, **values), pagination)

    async def get_thread(self, thread_id: str) -> ThreadDict | None:
        """The whole thread: its steps in order with their ratings, and its elements."""
        found = await self._rows("SELECT * FROM threads WHERE id = :id", id=thread_id)
        if not found:
            return None
        steps = await self._rows(
            'SELECT * FROM steps WHERE "threadId" = :id ORDER BY "createdAt", rowid', id=thread_id
        )
        elements = await self._rows('SELECT * FROM elements WHERE "threadId" = :id', id=thread_id)
        ratings = await self._rows(
            'SELECT f.* FROM feedbacks f JOIN steps s ON s.id = f."forId" WHERE s."threadId" = :id',
            id=thread_id,
        )
        by_step = {rating["forId"]: rating for rating in ratings}
        for step in steps:
            step.pop("rowid", None)
            step["feedback"] = by_step.get(step["id"])
            if step["showInput"] in (None, "false"):
                step["input"] = ""
        thread = as_thread(found[0])
        thread["steps"] = steps
        thread["elements"] = elements
        return thread

    # --- steps and elements ------------------------------------------------------------------

    @queue_until_user_message()  # type: ignore[untyped-decorator]
    async def create_step(self, step_dict: StepDict) -> None:
        """Insert or replace a step. Raises ``NotAllowed`` when its id is another thread's."""
        row = {name: step_dict[name] for name in _STEP_COLUMNS if step_dict.get(name) is not None}
        if "showInput" in row:
            row["showInput"] = str(row["showInput"]).lower()
        async with self._in_order:
            await self.update_thread(row["threadId"])
            await self._put("steps", row)

    @queue_until_user_message()  # type: ignore[untyped-decorator]
    async def create_element(self, element: Element) -> None:
        """Insert or replace an element; what is no plain data goes to a file.

        A custom element is its props. One that lies somewhere else is its address: it is never
        fetched. Raises ``NotAllowed`` when its id is another thread's.
        """
        if not element.for_id:
            return
        await self.update_thread(element.thread_id)
        row = {name: value for name, value in element.to_dict().items() if value is not None}
        row = {name: row[name] for name in _ELEMENT_COLUMNS if name in row}
        if element.type != "custom" and not element.url:
            content = element.content
            if element.path:
                content = await asyncio.to_thread(Path(element.path).read_bytes)
            key = f"{element.thread_id}/{element.id}"
            stored = await self.files.upload_file(key, content or b"", element.mime)
            row |= {"url": stored["url"], "objectKey": stored["object_key"]}
        await self._put("elements", row)

    async def get_element(self, thread_id: str, element_id: str) -> dict[str, Any] | None:
        rows = await self._rows(
            'SELECT * FROM elements WHERE "threadId" = :thread AND id = :id',
            thread=thread_id,
            id=element_id,
        )
        return rows[0] if rows else None

    async def element_file(self, thread_id: str, element_id: str, user_name: str) -> Path:
        """The file of an element, for its owner. Raises ``NotAllowed`` (also for unknown ones)."""
        element = await self.get_element(thread_id, element_id)
        owner = await self.get_thread_author(thread_id)
        if element is None or not element["objectKey"] or owner != user_name:
            raise NotAllowed("error.not_yours")
        return self.files.path(element["objectKey"])

    async def _put(self, table: str, row: dict[str, Any]) -> None:
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(f":{name}" for name in row)
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in row if name != "id")
        changed = await self.execute_sql(
            f"INSERT INTO {table} ({names}) VALUES ({values}) "  # noqa: S608 - our own names
            f"ON CONFLICT (id) DO UPDATE SET {changes} "
            f'WHERE {table}."threadId" = excluded."threadId"',
            row,
        )
        if not changed:
            raise NotAllowed("error.not_yours")

    # --- people and ratings ------------------------------------------------------------------

    async def create_user(self, user: User) -> PersistedUser | None:
        """Chainlit's own, but two first log-ins at the same moment make one row."""
        await self.execute_sql(
            'INSERT INTO users (id, identifier, "createdAt", metadata) '
            "VALUES (:id, :identifier, :now, :metadata) "
            "ON CONFLICT (identifier) DO UPDATE SET metadata = excluded.metadata",
            {
                "id": str(uuid.uuid4()),
                "identifier": user.identifier,
                "now": await self.get_current_timestamp(),
                "metadata": user.metadata or {},
            },
        )
        return await self.get_user(user.identifier)

    async def upsert_feedback(self, feedback: Feedback) -> str:
        """Show this rating at its step; one for each step, with the step's id as its own.

        Whether the rating is the caller's to give was asked of ``Tracer.rate`` before. The step
        itself may still be on its way: Chainlit writes steps behind the answer.
        """
        await self.execute_sql(
            'INSERT INTO feedbacks (id, "forId", "threadId", value, comment) '
            "VALUES (:step, :step, :thread, :value, :comment) "
            "ON CONFLICT (id) DO UPDATE SET value = excluded.value, comment = excluded.comment",
            {
                "step": feedback.forId,
                "thread": feedback.threadId,
                "value": feedback.value,
                "comment": feedback.comment,
            },
        )
        return str(feedback.forId)
