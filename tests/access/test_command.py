"""``python -m rag.access`` as the admin of the server runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag.access.accounts import Accounts
from rag.settings import Settings
from rag.store.database import open_database


def run(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rag.access", *arguments],
        env=os.environ | {"DATA_DIR": str(data_dir), "LANG": "en_US.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_an_account_from_its_making_to_its_end(tmp_path: Path) -> None:
    made = run(tmp_path, "add", "anna", "qa")
    assert made.returncode == 0, made.stderr
    name, password = made.stdout.strip().split(": ")

    engine = open_database(Settings(data_dir=tmp_path))
    accounts = Accounts(engine)
    assert accounts.verify(name, password) is not None

    renewed = run(tmp_path, "password", "anna").stdout.strip().split(": ")[1]
    assert accounts.verify("anna", password) is None
    assert accounts.verify("anna", renewed) is not None

    run(tmp_path, "add", "chef", "admin")
    assert run(tmp_path, "disable", "anna").returncode == 0
    assert accounts.verify("anna", renewed) is None
    lines = [line.split() for line in run(tmp_path, "list").stdout.splitlines()]
    assert lines == [["anna", "qa", "disabled"], ["chef", "admin", "active"]]

    refused = run(tmp_path, "disable", "chef")
    assert refused.returncode == 1
    assert "last active admin" in refused.stderr
    engine.dispose()
