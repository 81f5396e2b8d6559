"""Who may log in: names, argon2id hashes and roles, kept in the database."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import unicodedata
import uuid
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from rag.errors import RagError
from rag.store.database import now, reading
from rag.types import Role, User

logger = logging.getLogger(__name__)

# argon2id with the least memory that OWASP's Password Storage Cheat Sheet accepts (19 MiB, two
# passes, one lane): two log-ins at once cost 38 MiB of the 512 MB that the service may have.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_SLOTS = threading.BoundedSemaphore(2)

_NAME = re.compile(r"[^\W_][\w.@+-]{0,63}")
_MIN_PASSWORD = 10
_MAX_PASSWORD_BYTES = 1024
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else


class AccountError(RagError):
    """An account cannot be made or changed as asked."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as an admin sees it."""

    id: str
    name: str
    role: Role
    disabled: bool
    created_at: str


class Accounts:
    """All methods are synchronous; ``verify`` takes some 40 ms: call it in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Checked for names that do not exist, so that they take as long as those that do.
        self._nobody = _hash(secrets.token_hex(16))

    def verify(self, name: str, password: str) -> User | None:
        """Who this is, or None: wrong name, wrong password and disabled account look the same."""
        query = text("SELECT * FROM accounts WHERE name = :name")
        with reading(self._engine).begin() as connection:
            row = connection.execute(query, {"name": fold_name(name)}).mappings().first()
        right = _matches(row["password_hash"] if row else self._nobody, password)
        if row is None or not right or row["disabled"]:
            return None
        if _HASHER.check_needs_rehash(row["password_hash"]):
            self._store_hash(row["id"], row["password_hash"], _hash(password))
        return User(id=row["id"], name=row["name"], role=Role(row["role"]))

    def find(self, name: str) -> User | None:
        """The user of that name as the database knows it now; None when gone or disabled."""
        query = text("SELECT id, name, role FROM accounts WHERE name = :name AND disabled = 0")
        with reading(self._engine).begin() as connection:
            row = connection.execute(query, {"name": fold_name(name)}).mappings().first()
        return User(id=row["id"], name=row["name"], role=Role(row["role"])) if row else None

    def create(self, name: str, password: str, role: Role) -> User:
        """A new account. Raises ``AccountError`` (bad or taken name, short password)."""
        name = fold_name(name)
        if not _NAME.fullmatch(name):
            raise AccountError("error.account_name", name=name)
        _check_password(password)
        user = User(id=str(uuid.uuid4()), name=name, role=role)
        password_hash = _hash(password)
        try:
            with self._engine.begin() as connection:
                _insert(connection, user, password_hash)
        except IntegrityError as error:
            raise AccountError("error.account_exists", name=name) from error
        return user

    def ensure_first_accounts(self) -> list[tuple[str, str, Role]]:
        """One account for each role when there is none at all: (name, password, role) each.

        This is the only time the passwords are in clear; whoever starts the app shows them once.
        """
        if self.list():
            return []
        first = [(role.value, random_password(), role) for role in Role]
        hashes = [_hash(password) for _, password, _ in first]
        with self._engine.begin() as connection:
            if connection.execute(text("SELECT 1 FROM accounts")).first():
                return []  # another process was quicker
            for (name, _, role), password_hash in zip(first, hashes, strict=True):
                _insert(connection, User(str(uuid.uuid4()), name, role), password_hash)
        return first

    def set_password(self, name: str, password: str) -> None:
        """Ends the account's log-ins. Raises ``AccountError`` (unknown name, short password)."""
        _check_password(password)
        self._update(name, "password_hash = :value", _hash(password), log_out=True)

    def disable(self, name: str) -> None:
        """No log-in any more, and the present ones end; raises ``AccountError`` (unknown name, the
        last admin)."""
        self._update(name, "disabled = :value", 1, keep_an_admin=True, log_out=True)

    def enable(self, name: str) -> None:
        """Log-in again, with the old password. Raises ``AccountError`` (unknown name)."""
        self._update(name, "disabled = :value", 0)

    def _update(
        self,
        name: str,
        change: str,
        value: str | int,
        *,
        keep_an_admin: bool = False,
        log_out: bool = False,
    ) -> None:
        statement = text(f"UPDATE accounts SET {change} WHERE name = :name")  # noqa: S608 - ours
        with self._engine.begin() as connection:
            changed = connection.execute(statement, {"value": value, "name": fold_name(name)})
            if changed.rowcount == 0:
                raise AccountError("error.account_unknown", name=name)
            admins = text("SELECT 1 FROM accounts WHERE role = 'admin' AND disabled = 0")
            if keep_an_admin and connection.execute(admins).first() is None:
                raise AccountError("error.last_admin")  # rolls the change back
            if log_out:
                sessions = text(
                    "DELETE FROM sessions WHERE account_id IN "
                    "(SELECT id FROM accounts WHERE name = :name)"
                )
                connection.execute(sessions, {"name": fold_name(name)})

    def _store_hash(self, account_id: str, old: str, new: str) -> None:
        statement = text(
            "UPDATE accounts SET password_hash = :new WHERE id = :id AND password_hash = :old"
        )
        with self._engine.begin() as connection:
            connection.execute(statement, {"new": new, "old": old, "id": account_id})
        logger.info("a password hash was renewed with the present parameters")

    def list(self) -> list[Account]:
        """All accounts by name."""
        query = text("SELECT id, name, role, disabled, created_at FROM accounts ORDER BY name")
        with reading(self._engine).begin() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            Account(
                row["id"], row["name"], Role(row["role"]), bool(row["disabled"]), row["created_at"]
            )
            for row in rows
        ]


def fold_name(name: str) -> str:
    """Names are compared without case or width: a tablet likes to begin with a capital."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def random_password() -> str:
    """Three groups of four, easy to type from paper; 59 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


def _check_password(password: str) -> None:
    if len(password) < _MIN_PASSWORD or len(password.encode()) > _MAX_PASSWORD_BYTES:
        raise AccountError("error.password_length", minimum=str(_MIN_PASSWORD))


def _hash(password: str) -> str:
    with _SLOTS:
        return _HASHER.hash(password)


def _matches(password_hash: str, password: str) -> bool:
    if len(password) > _MAX_PASSWORD_BYTES:
        password = ""  # wrong, and as quickly so as any other
    try:
        with _SLOTS:
            return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _insert(connection: Connection, user: User, password_hash: str) -> None:
    connection.execute(
        text(
            "INSERT INTO accounts (id, name, password_hash, role, disabled, created_at) "
            "VALUES (:id, :name, :password_hash, :role, 0, :created_at)"
        ),
        {
            "id": user.id,
            "name": user.name,
            "password_hash": password_hash,
            "role": user.role.value,
            "created_at": now(),
        },
    )
