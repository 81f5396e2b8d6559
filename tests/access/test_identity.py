"""Roles, the secret, and pseudonyms."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from rag.access.pseudonym import pseudonym
from rag.access.roles import require
from rag.access.secret import FILE_NAME, auth_secret
from rag.errors import NotAllowed
from rag.settings import Settings
from rag.types import Role, User


def test_a_role_may_do_its_own_and_nothing_else() -> None:
    qa = User("1", "anna", Role.QA)
    assert require(qa) is qa
    assert require(qa, Role.QA, Role.ADMIN) is qa
    with pytest.raises(NotAllowed, match="role_needed"):
        require(qa, Role.ADMIN)
    with pytest.raises(NotAllowed, match="login_needed"):
        require(None, Role.ADMIN)
    with pytest.raises(NotAllowed, match="login_needed"):
        require(None)


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "fresh")
    secret = auth_secret(settings)
    file = tmp_path / "fresh" / FILE_NAME
    assert len(secret) == 64
    assert auth_secret(settings) == secret == file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [FILE_NAME]
    assert auth_secret(Settings(data_dir=tmp_path / "other")) != secret


def test_a_given_secret_is_taken_and_not_written(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, auth_secret=SecretStr("s" * 40))
    assert auth_secret(settings) == "s" * 40
    assert list(tmp_path.iterdir()) == []


def test_a_secret_open_to_others_is_closed_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / FILE_NAME
    file.write_text("f" * 64)
    file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert auth_secret(Settings(data_dir=tmp_path)) == "f" * 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "read by others" in caplog.text
    assert "ffff" not in caplog.text


def test_a_damaged_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("")
    with pytest.raises(OSError, match="damaged"):
        auth_secret(Settings(data_dir=tmp_path))


def test_pseudonyms_are_stable_and_tell_nothing() -> None:
    one = Settings(auth_secret=SecretStr("a" * 40))
    other = Settings(auth_secret=SecretStr("b" * 40))
    name = pseudonym("user-1", one)
    assert name == pseudonym("user-1", one)
    assert len(name) == 18
    assert name.startswith("p-")
    assert "user-1" not in name
    assert name != pseudonym("user-2", one)
    assert name != pseudonym("user-1", other)
