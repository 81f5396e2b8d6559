"""Keys for scripts: shown once when they are made, kept as a hash, scoped, expiring, revocable."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from rag.errors import RagError
from rag.store.database import now, reading
from rag.types import Role, User

logger = logging.getLogger(__name__)

PREFIX = "mw"
DEFAULT_DAYS = 365
LONGEST_DAYS = 5 * 365
NAME_LETTERS = 60
_TOKEN_LETTERS = 200  # a key has 60; what is longer is none
_USE_NOTED_EVERY = timedelta(minutes=1)


class ApiScope(StrEnum):
    """What a key may do. Pages and the list of manuals can be read with ``ask`` and ``upload``."""

    ASK = "ask"
    UPLOAD = "upload"  # and delete
    FEEDBACK = "feedback"
    METRICS = "metrics"


KeyState = Literal["active", "expired", "revoked"]


class KeyProblem(RagError):
    """A key cannot be made or revoked as asked."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as an admin sees it; times are ISO 8601 in UTC."""

    id: str
    name: str
    scopes: frozenset[ApiScope]
    created_by: str
    created_at: str
    expires_at: str
    last_used_at: str | None = None
    revoked_at: str | None = None

    @property
    def state(self) -> KeyState:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= now() else "active"

    @property
    def user(self) -> User:
        """Whom its questions and ratings belong to: nobody of the accounts."""
        return User(id=f"key:{self.id}", name=f"{self.name} ({PREFIX}_{self.id})", role=_ROLE)


_ROLE = Role.TECHNICIAN  # the least; what a key may do beyond asking is in its scopes


class ApiKeys:
    """All methods are synchronous and short: call them in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self,
        name: str,
        scopes: Collection[ApiScope],
        *,
        created_by: str,
        days: int = DEFAULT_DAYS,
    ) -> tuple[ApiKey, str]:
        """A new key and the text to send as ``X-API-Key``, which nobody can be shown again.

        Raises ``KeyProblem`` (no name, no scope, too long a life).
        """
        name = " ".join(name.split())
        if not name or len(name) > NAME_LETTERS or not name.isprintable():
            raise KeyProblem("error.key_name", limit=str(NAME_LETTERS))
        if not scopes:
            raise KeyProblem("error.key_scopes")
        if not 1 <= days <= LONGEST_DAYS:
            raise KeyProblem("error.key_days", limit=str(LONGEST_DAYS))
        secret = secrets.token_urlsafe(32)
        made = datetime.now(UTC)
        key = ApiKey(
            id=secrets.token_hex(6),
            name=name,
            scopes=frozenset(scopes),
            created_by=created_by,
            created_at=made.isoformat(timespec="microseconds"),
            expires_at=(made + timedelta(days=days)).isoformat(timespec="microseconds"),
        )
        with self._engine.begin() as connection:
            connection.execute(_INSERT, _to_row(key, secret))
        return key, f"{PREFIX}_{key.id}_{secret}"

    def list(self) -> list[ApiKey]:
        """All keys, the newest first."""
        query = text("SELECT * FROM api_keys ORDER BY created_at DESC, id")
        with reading(self._engine).begin() as connection:
            return [_from_row(row) for row in connection.execute(query).mappings()]

    def find(self, token: str) -> ApiKey | None:
        """The key that ``token`` is the text of, expired and revoked ones too; its use is noted."""
        parts = token.split("_", 2) if len(token) <= _TOKEN_LETTERS else []
        if len(parts) != 3 or parts[0] != PREFIX:
            return None
        query = text("SELECT * FROM api_keys WHERE id = :id")
        with reading(self._engine).begin() as connection:
            row = connection.execute(query, {"id": parts[1]}).mappings().first()
        kept = row["secret_hash"] if row else ""
        if not hmac.compare_digest(_hash(parts[2]), kept) or row is None:
            return None
        key = _from_row(row)
        if key.state == "active":
            self._note_use(key)
        return key

    def revoke(self, key_id: str) -> ApiKey:
        """The key works no more, from this moment on. Raises ``KeyProblem`` when there is none."""
        change = text("UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL")
        find = text("SELECT * FROM api_keys WHERE id = :id")
        with self._engine.begin() as connection:
            connection.execute(change, {"now": now(), "id": key_id})
            row = connection.execute(find, {"id": key_id}).mappings().first()
        if row is None:
            raise KeyProblem("error.key_unknown")
        return _from_row(row)

    def _note_use(self, key: ApiKey) -> None:
        """To the minute: a write for each call would make callers wait for each other."""
        moment = datetime.now(UTC)
        before = (moment - _USE_NOTED_EVERY).isoformat(timespec="microseconds")
        if key.last_used_at is not None and key.last_used_at > before:
            return
        change = text("UPDATE api_keys SET last_used_at = :now WHERE id = :id")
        try:
            with self._engine.begin() as connection:
                connection.execute(change, {"now": now(), "id": key.id})
        except DBAPIError as error:  # a full disk is no reason to answer nobody
            logger.warning("the use of a key could not be noted: %s", error.orig)


_INSERT = text(
    "INSERT INTO api_keys (id, name, secret_hash, scopes, created_by, created_at, expires_at) "
    "VALUES (:id, :name, :secret_hash, :scopes, :created_by, :created_at, :expires_at)"
)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _to_row(key: ApiKey, secret: str) -> dict[str, str]:
    return {
        "id": key.id,
        "name": key.name,
        "secret_hash": _hash(secret),
        "scopes": json.dumps(sorted(key.scopes)),
        "created_by": key.created_by,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }


def _from_row(row: Mapping[Any, Any]) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(ApiScope(scope) for scope in json.loads(row["scopes"])),
        created_by=row["created_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
