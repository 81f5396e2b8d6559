"""Keys for scripts on a real database: who has one, what is kept of it, and when it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from rag.access.__main__ import main
from rag.access.api_keys import LONGEST_DAYS, ApiKeys, ApiScope, KeyProblem
from rag.types import Role
from tests.postgres import IN_A_FILE

ASK = [ApiScope.ASK]


@pytest.fixture
def keys(engine: Engine) -> ApiKeys:
    return ApiKeys(engine)


def set_column(engine: Engine, column: str, value: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE api_keys SET {column} = :value"), {"value": value})


def test_a_key_is_found_by_its_text_and_by_nothing_else(keys: ApiKeys) -> None:
    key, token = keys.create("Leitstand", [ApiScope.ASK, ApiScope.FEEDBACK], created_by="admin")
    other, other_token = keys.create("Leitstand", ASK, created_by="admin")
    found = keys.find(token)
    assert found is not None
    assert (found.id, found.scopes) == (key.id, {ApiScope.ASK, ApiScope.FEEDBACK})
    secret = token.split("_", 2)[2]
    wrong = [
        "",
        "mw",
        "mw__",
        "mw_ä_ß",
        secret,
        f"mw_{key.id}_",
        f"mw_{key.id}_{secret[:-1]}",
        f"mw_{key.id}_{secret}x",
        f"mw_{other.id}_{secret}",
        f"mw_{key.id}_{other_token.split('_', 2)[2]}",
        f"MW_{key.id}_{secret}",
        f"mw_{key.id}_{secret}" + "x" * 10_000,
    ]
    assert [keys.find(token) for token in wrong] == [None] * len(wrong)


@IN_A_FILE
def test_the_secret_is_not_in_the_database(keys: ApiKeys, engine: Engine, tmp_path: Path) -> None:
    _, token = keys.create("Leitstand", ASK, created_by="admin")
    engine.dispose()
    secret = token.split("_", 2)[2].encode()
    assert len(secret) >= 43  # 256 bits in base64
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert files
    assert all(secret not in path.read_bytes() for path in files)


def test_expired_and_revoked_keys_are_known_as_such(keys: ApiKeys, engine: Engine) -> None:
    key, token = keys.create("Leitstand", ASK, created_by="admin", days=1)
    assert key.state == "active"
    set_column(engine, "expires_at", "2020-01-01T00:00:00.000000+00:00")
    expired = keys.find(token)
    assert expired is not None
    assert expired.state == "expired"
    assert expired.last_used_at is None
    assert keys.revoke(key.id).state == "revoked"
    first = keys.list()[0].revoked_at
    assert keys.revoke(key.id).revoked_at == first
    found = keys.find(token)
    assert found is not None
    assert found.state == "revoked"


def test_the_last_use_is_noted_to_the_minute(keys: ApiKeys, engine: Engine) -> None:
    _, token = keys.create("Leitstand", ASK, created_by="admin")
    assert keys.list()[0].last_used_at is None
    keys.find(token)
    first = keys.list()[0].last_used_at
    assert first is not None
    keys.find(token)
    assert keys.list()[0].last_used_at == first
    set_column(engine, "last_used_at", "2020-01-01T00:00:00.000000+00:00")
    keys.find(token)
    assert (keys.list()[0].last_used_at or "") > first


def test_a_key_belongs_to_nobody_of_the_accounts(keys: ApiKeys) -> None:
    key, _ = keys.create("Leitstand", ASK, created_by="admin")
    assert key.user.id == f"key:{key.id}"
    assert key.user.role is Role.TECHNICIAN


@pytest.mark.parametrize(
    ("name", "scopes", "days", "reason"),
    [
        (" ", ASK, 1, "error.key_name"),
        ("x" * 61, ASK, 1, "error.key_name"),
        ("bell\a", ASK, 1, "error.key_name"),
        ("x", [], 1, "error.key_scopes"),
        ("x", ASK, 0, "error.key_days"),
        ("x", ASK, LONGEST_DAYS + 1, "error.key_days"),
    ],
)
def test_what_no_key_can_be(
    keys: ApiKeys, name: str, scopes: list[ApiScope], days: int, reason: str
) -> None:
    with pytest.raises(KeyProblem) as refused:
        keys.create(name, scopes, created_by="admin", days=days)
    assert refused.value.key == reason
    assert keys.list() == []


def test_only_known_keys_can_be_revoked(keys: ApiKeys) -> None:
    with pytest.raises(KeyProblem):
        keys.revoke("nothing")


@IN_A_FILE
def test_a_key_from_the_command_line(
    keys: ApiKeys,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LANG", "en_US.UTF-8")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rag.access", "keys", *arguments])
        status = main()
        said = capsys.readouterr()
        return status, said.out.strip(), said.err.strip()

    status, token, _ = run("add", "Leitstand Halle 3", "--scopes", "ask, upload")
    key = keys.find(token)
    assert status == 0
    assert key is not None
    assert key.scopes == {ApiScope.ASK, ApiScope.UPLOAD}
    listed = run("list")[1]
    assert "Leitstand Halle 3" in listed
    assert token not in listed
    assert run("revoke", key.id) == (0, f"{key.id} revoked", "")
    assert run("revoke", "nothing") == (1, "", "There is no such key.")
    with pytest.raises(SystemExit, match="scopes are: ask"):
        run("add", "x", "--scopes", "everything")
