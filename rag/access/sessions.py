"""Log-ins that are valid: a signed cookie names its session, and ends with it.

Logging out, a new password and a disabled account take rows away, and with them every cookie that
names one, wherever it was copied to.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, bindparam, text

from rag.store.database import now, reading
from rag.types import Role, User

_VALID = (
    "FROM sessions s JOIN accounts a ON a.id = s.account_id "
    "WHERE a.disabled = 0 AND s.expires_at > :now AND "
)


class Sessions:
    """All methods are synchronous and short: call them in a thread."""

    def __init__(self, engine: Engine, *, hours: float) -> None:
        self._engine = engine
        self._life = timedelta(hours=hours)

    def begin(self, user: User) -> str:
        """The id of a new session of ``user``; what has expired is swept away."""
        session_id = secrets.token_urlsafe(24)
        expires = (datetime.now(UTC) + self._life).isoformat(timespec="microseconds")
        with self._engine.begin() as connection:
            connection.execute(
                text("DELETE FROM sessions WHERE expires_at <= :now"), {"now": now()}
            )
            connection.execute(
                text("INSERT INTO sessions VALUES (:id, :account, :now, :expires)"),
                {"id": session_id, "account": user.id, "now": now(), "expires": expires},
            )
        return session_id

    def user_of(self, session_id: str) -> User | None:
        """Whose session it is, as the database knows them now; None when it is not valid."""
        query = text(f"SELECT a.id, a.name, a.role {_VALID} s.id = :id")
        with reading(self._engine).begin() as connection:
            row = connection.execute(query, {"id": session_id, "now": now()}).mappings().first()
        return User(id=row["id"], name=row["name"], role=Role(row["role"])) if row else None

    def valid(self, session_ids: Collection[str]) -> set[str]:
        """Those of ``session_ids`` that still hold."""
        query = text(f"SELECT s.id {_VALID} s.id IN :ids").bindparams(
            bindparam("ids", expanding=True)
        )
        with reading(self._engine).begin() as connection:
            found = connection.execute(query, {"ids": list(session_ids), "now": now()})
            return set(found.scalars())

    def end(self, session_id: str) -> None:
        """Log out; an unknown session is no error."""
        with self._engine.begin() as connection:
            connection.execute(text("DELETE FROM sessions WHERE id = :id"), {"id": session_id})
