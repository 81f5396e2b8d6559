"""Accounts on a real database with real argon2id hashes."""

from __future__ import annotations

import sqlite3
import statistics
import threading
import time
from pathlib import Path

import argon2
import pytest
from sqlalchemy import Engine, text

from rag.access.accounts import AccountError, Accounts, random_password
from rag.types import Role
from tests.postgres import IN_A_FILE

PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(engine: Engine) -> Accounts:
    return Accounts(engine)


def stored_hash(engine: Engine, name: str) -> str:
    with engine.begin() as connection:
        query = text("SELECT password_hash FROM accounts WHERE name = :name")
        return str(connection.execute(query, {"name": name}).scalar_one())


def test_the_right_password_opens_and_nothing_else_does(accounts: Accounts) -> None:
    user = accounts.create("anna", PASSWORD, Role.QA)
    assert accounts.verify("anna", PASSWORD) == user
    assert accounts.verify(" Anna ", PASSWORD) == user
    assert accounts.verify("anna", PASSWORD + "!") is None
    assert accounts.verify("anna", "") is None
    assert accounts.verify("anna", PASSWORD + "x" * 5000) is None
    assert accounts.verify("berta", PASSWORD) is None


@IN_A_FILE
def test_the_hash_is_argon2id_and_the_password_stands_nowhere(
    accounts: Accounts, engine: Engine, tmp_path: Path
) -> None:
    accounts.create("anna", PASSWORD, Role.QA)
    assert stored_hash(engine, "anna").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes()


def test_first_accounts_come_once_with_a_password_that_works(accounts: Accounts) -> None:
    first = accounts.ensure_first_accounts()
    assert [(name, role) for name, _, role in first] == [
        ("technician", Role.TECHNICIAN),
        ("qa", Role.QA),
        ("admin", Role.ADMIN),
    ]
    for name, password, role in first:
        user = accounts.verify(name, password)
        assert user is not None
        assert user.role is role
    assert len({password for _, password, _ in first}) == 3
    assert accounts.ensure_first_accounts() == []


def test_two_processes_that_start_together_make_one_set(accounts: Accounts) -> None:
    made: list[list[tuple[str, str, Role]]] = []
    threads = [
        threading.Thread(target=lambda: made.append(accounts.ensure_first_accounts()))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(accounts_made) for accounts_made in made) == [0, 3]
    assert len(accounts.list()) == 3


def test_a_disabled_account_is_out_until_enabled(accounts: Accounts) -> None:
    user = accounts.create("anna", PASSWORD, Role.QA)
    accounts.create("chef", PASSWORD, Role.ADMIN)
    accounts.disable("anna")
    assert accounts.verify("anna", PASSWORD) is None
    assert accounts.find("anna") is None
    assert [(account.name, account.disabled) for account in accounts.list()] == [
        ("anna", True),
        ("chef", False),
    ]
    accounts.enable("anna")
    assert accounts.verify("anna", PASSWORD) == user
    assert accounts.find("ANNA") == user


def test_the_last_admin_stays(accounts: Accounts) -> None:
    accounts.create("chef", PASSWORD, Role.ADMIN)
    with pytest.raises(AccountError) as refused:
        accounts.disable("chef")
    assert refused.value.key == "error.last_admin"
    assert accounts.find("chef") is not None
    accounts.create("deputy", PASSWORD, Role.ADMIN)
    accounts.disable("chef")
    assert accounts.find("chef") is None


def test_a_new_password_replaces_the_old(accounts: Accounts) -> None:
    accounts.create("anna", PASSWORD, Role.QA)
    accounts.set_password("anna", "another long one")
    assert accounts.verify("anna", PASSWORD) is None
    assert accounts.verify("anna", "another long one") is not None


@pytest.mark.parametrize(
    ("name", "password", "key"),
    [
        ("", PASSWORD, "error.account_name"),
        ("a b", PASSWORD, "error.account_name"),
        ("<script>", PASSWORD, "error.account_name"),
        ("x" * 65, PASSWORD, "error.account_name"),
        ("anna", "short", "error.password_length"),
        ("anna", "x" * 1025, "error.password_length"),
        ("Taken", PASSWORD, "error.account_exists"),
    ],
)
def test_what_cannot_be_an_account(accounts: Accounts, name: str, password: str, key: str) -> None:
    accounts.create("taken", PASSWORD, Role.TECHNICIAN)
    with pytest.raises(AccountError) as refused:
        accounts.create(name, password, Role.TECHNICIAN)
    assert refused.value.key == key
    assert [account.name for account in accounts.list()] == ["taken"]


def test_unknown_names_cannot_be_changed(accounts: Accounts) -> None:
    for change in (accounts.disable, accounts.enable):
        with pytest.raises(AccountError, match="account_unknown"):
            change("nobody")
    with pytest.raises(AccountError, match="account_unknown"):
        accounts.set_password("nobody", PASSWORD)


def test_an_old_hash_is_renewed_at_log_in(accounts: Accounts, engine: Engine) -> None:
    accounts.create("anna", PASSWORD, Role.QA)
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with engine.begin() as connection:
        connection.execute(text("UPDATE accounts SET password_hash = :hash"), {"hash": weak})
    assert accounts.verify("anna", "wrong password") is None
    assert stored_hash(engine, "anna") == weak
    assert accounts.verify("anna", PASSWORD) is not None
    assert stored_hash(engine, "anna").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert accounts.verify("anna", PASSWORD) is not None


def test_a_damaged_hash_lets_nobody_in(accounts: Accounts, engine: Engine) -> None:
    accounts.create("anna", PASSWORD, Role.QA)
    with engine.begin() as connection:
        connection.execute(text("UPDATE accounts SET password_hash = 'nonsense'"))
    assert accounts.verify("anna", PASSWORD) is None


@pytest.mark.slow
@IN_A_FILE
def test_unknown_names_take_as_long_as_known_ones(accounts: Accounts) -> None:
    accounts.create("anna", PASSWORD, Role.QA)

    def duration(name: str) -> float:
        started = time.process_time()
        accounts.verify(name, "wrong password")
        return time.process_time() - started

    known = statistics.median(duration("anna") for _ in range(15))
    unknown = statistics.median(duration("nobody") for _ in range(15))
    assert unknown == pytest.approx(known, rel=0.5)


def test_random_passwords_are_readable_and_differ() -> None:
    passwords = {random_password() for _ in range(100)}
    assert len(passwords) == 100
    for password in passwords:
        assert len(password) == 14
        assert not set(password) & set("01loiILO")


@IN_A_FILE
def test_the_table_is_what_the_migration_says(accounts: Accounts, tmp_path: Path) -> None:
    accounts.create("anna", PASSWORD, Role.QA)
    connection = sqlite3.connect(tmp_path / "millwright.db")
    row = connection.execute("SELECT name, role, disabled FROM accounts").fetchone()
    connection.close()
    assert row == ("anna", "qa", 0)
