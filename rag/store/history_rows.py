"""Rows of conversations as the tables keep them, and as Chainlit's page expects them."""

from __future__ import annotations

import json
from typing import Any

from chainlit.types import ThreadDict

_JSON = {"metadata", "tags", "generation", "modes", "props", "playerConfig"}
_BOOLEANS = {"streaming", "waitForAnswer", "isError", "defaultOpen", "autoCollapse", "autoPlay"}


def stored(value: Any) -> Any:
    """As the tables keep it: structures are JSON, and truth is a number."""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return int(value) if isinstance(value, bool) else value


def loaded(row: dict[str, Any]) -> dict[str, Any]:
    """The row with JSON columns as objects and 0/1 as booleans, as the browser expects them."""
    for name, value in row.items():
        if name in _JSON and isinstance(value, str):
            row[name] = json.loads(value)
        elif name in _BOOLEANS and value is not None:
            row[name] = bool(value)
    return row


def as_thread(row: dict[str, Any]) -> ThreadDict:
    return ThreadDict(
        id=row["id"],
        createdAt=row["createdAt"],
        name=row["name"],
        userId=row["userId"],
        userIdentifier=row["userIdentifier"],
        tags=row["tags"],
        metadata=row["metadata"] or {},
        steps=[],
        elements=[],
    )
