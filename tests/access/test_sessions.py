"""Log-ins that hold, and what ends them."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from rag.access.accounts import Accounts
from rag.access.sessions import Sessions
from rag.types import Role

PASSWORD = "long enough"


@pytest.fixture
def parts(engine: Engine) -> tuple[Accounts, Sessions]:
    accounts = Accounts(engine)
    for name in ("anna", "berta"):
        accounts.create(name, PASSWORD, Role.ADMIN)
    return accounts, Sessions(engine, hours=1)


def test_a_session_is_its_users_until_it_ends(parts: tuple[Accounts, Sessions]) -> None:
    accounts, sessions = parts
    anna = accounts.find("anna")
    assert anna is not None
    first, second = sessions.begin(anna), sessions.begin(anna)
    assert first != second
    assert sessions.user_of(first) == anna
    assert sessions.user_of("made up") is None
    sessions.end(first)
    assert sessions.user_of(first) is None
    assert sessions.valid([first, second, "made up"]) == {second}


@pytest.mark.parametrize("change", ["password", "disabled"])
def test_a_new_password_and_a_disabled_account_end_all_sessions(
    parts: tuple[Accounts, Sessions], change: str
) -> None:
    accounts, sessions = parts
    anna, berta = accounts.find("anna"), accounts.find("berta")
    assert anna is not None
    assert berta is not None
    ended, kept = [sessions.begin(anna), sessions.begin(anna)], sessions.begin(berta)
    if change == "password":
        accounts.set_password("Anna", "something else")
    else:
        accounts.disable("Anna")
        accounts.enable("anna")  # does not bring them back
    assert sessions.valid([*ended, kept]) == {kept}


def test_a_session_expires_and_is_swept(parts: tuple[Accounts, Sessions]) -> None:
    accounts, _ = parts
    anna = accounts.find("anna")
    assert anna is not None
    expired = Sessions(accounts._engine, hours=-1)
    session = expired.begin(anna)
    assert expired.user_of(session) is None
    expired.begin(anna)
    with accounts._engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM sessions")).scalar() == 1
