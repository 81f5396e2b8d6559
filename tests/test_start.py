"""Starting the service: what is missing is said in one sentence, and the exit code is 1."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from evals.chat_client import ChatClient
from rag.settings import Settings
from rag.start import CannotStart, _claim, _listener
from tests.served import NOBODY_LISTENS, PROJECT, Service, copy_data, served


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run("start", *arguments, **environment)


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"rag.{module}", *arguments],
        cwd=PROJECT,
        env={**os.environ, "LANG": "C", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} auf 127.0.0.1 ist schon belegt"):
            _listener("127.0.0.1", port, "de")


def test_address_of_another_machine() -> None:
    with pytest.raises(CannotStart, match=r"Cannot listen on 192\.0\.2\.1 port 8000"):
        _listener("192.0.2.1", 8000, "en")


def test_data_folder_that_is_a_file(tmp_path: Path) -> None:
    obstacle = tmp_path / "data"
    obstacle.touch()
    with pytest.raises(CannotStart, match="cannot be written to"):
        _claim(Settings(data_dir=obstacle), "en")


@pytest.mark.slow
def test_said_on_stderr_with_exit_code_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = start("--port", str(port), DATA_DIR=str(tmp_path / "data"))
    assert ended.returncode == 1
    assert ended.stderr.strip() == (
        f"millwright: Port {port} on 127.0.0.1 is in use. Is Millwright running already? "
        "Otherwise choose another by PORT=…"
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", ["start --port 0", "models", "access list", "backup move"])
def test_wrong_setting(tmp_path: Path, command: str) -> None:
    """Said by every command: ``make run`` begins with the models."""
    module, *arguments = command.split()
    ended = run(module, *arguments, DATA_DIR=str(tmp_path), NUM_CTX="12")
    assert ended.returncode == 1
    assert "A setting is wrong: NUM_CTX" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_data_folder_in_use(service: Service) -> None:
    ended = start("--port", "0", DATA_DIR=str(service.data_dir))
    assert ended.returncode == 1
    assert f"(process {service.process.pid})" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
async def test_started_again_it_keeps_accounts_and_answers_without_mlflow(
    prepared: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """No second set of accounts, no second load of samples; MLflow may be away."""
    data_dir = copy_data(prepared[0], tmp_path / "data")
    with served(data_dir, MLFLOW_TRACKING_URI=NOBODY_LISTENS) as again:
        assert again.passwords == {}
        assert not any("empty" in line for line in again.lines)
        password = prepared[1]["technician"]
        async with ChatClient(again.address, "technician", password) as client:
            reply = await client.ask("Was bedeutet E-104 am Kompressor?")
            assert "Verdichtungsendtemperatur" in reply.text
            assert reply.run_id
            await client.rate(reply.run_id, 0, "Falsche Seite")
