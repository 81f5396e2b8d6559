"""The list of somebody's conversations: the latest first, found by their words or by a rating."""

from __future__ import annotations

from typing import Any

from chainlit.types import PageInfo, PaginatedResponse, Pagination, ThreadDict, ThreadFilter

from rag.store.history_rows import as_thread

MAX_PAGE = 50  # conversations in one answer to the sidebar, whatever it asks for
_THREADS = """
    WITH mine AS (
        SELECT t.*, coalesce(
            (SELECT max(s."createdAt") FROM steps s WHERE s."threadId" = t.id),
            t."createdAt", '') AS latest
        FROM threads t WHERE t."userId" = :user
    )
    SELECT * FROM mine m WHERE TRUE
"""
_CONDITIONS = {
    "search": """AND (replace({name}, :search, '') <> {name} OR EXISTS (
        SELECT 1 FROM steps s
        WHERE s."threadId" = m.id AND replace({output}, :search, '') <> {output})) """,
    "value": """AND EXISTS (
        SELECT 1 FROM feedbacks f JOIN steps s ON s.id = f."forId"
        WHERE s."threadId" = m.id AND f.value = :value) """,
    "cursor": """AND (m.latest, m.id) < (
        SELECT c.latest, c.id FROM mine c WHERE c.id = :cursor) """,
}
_LATEST_FIRST = "ORDER BY m.latest DESC, m.id DESC LIMIT :count"


def page_query(
    pagination: Pagination, filters: ThreadFilter, lower_case: str
) -> tuple[str, dict[str, Any]]:
    """SQL and its values for a page and one row more, which tells whether another page follows.

    ``lower_case`` is how the database writes a text in small letters, with ``{}`` for the text.
    """
    wanted = {
        "search": (filters.search or "").lower() or None,
        "value": filters.feedback,
        "cursor": pagination.cursor,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    lowered = {
        name: lower_case.format(f"coalesce({column}, '')")
        for name, column in (("name", "m.name"), ("output", "s.output"))
    }
    conditions = "".join(_CONDITIONS[name].format(**lowered) for name in given)
    values = {"user": filters.userId, "count": _length(pagination) + 1, **given}
    return _THREADS + conditions + _LATEST_FIRST, values


def page_of(rows: list[dict[str, Any]], pagination: Pagination) -> PaginatedResponse[ThreadDict]:
    """The page that the rows of ``page_query`` are."""
    threads = [as_thread(row) for row in rows[: _length(pagination)]]
    return PaginatedResponse(
        pageInfo=PageInfo(
            hasNextPage=len(rows) > len(threads),
            startCursor=threads[0]["id"] if threads else None,
            endCursor=threads[-1]["id"] if threads else None,
        ),
        data=threads,
    )


def _length(pagination: Pagination) -> int:
    return max(1, min(int(pagination.first), MAX_PAGE))
