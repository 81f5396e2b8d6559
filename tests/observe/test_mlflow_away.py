"""What happens while MLflow, or the disk, does not answer: nobody waits, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from rag.observe.ledger import Ledger
from rag.observe.mlflow_client import MlflowClient
from rag.observe.tracing import Tracer
from rag.settings import Settings
from tests.observe.conftest import (
    ANNA,
    AWAY,
    WAIT_S,
    LogWatch,
    MakeAnswer,
    ratings,
    read,
    record,
    rows,
)


@pytest.mark.slow
def test_without_mlflow_everything_goes_on_and_is_written_when_it_is_back(
    tracer: Tracer, settings: Settings, engine: Engine, make_answer: MakeAnswer, log: LogWatch
) -> None:
    obstacle = settings.data_dir / "mlflow.db"
    obstacle.rename(settings.data_dir / "elsewhere")
    obstacle.mkdir()  # a folder where the database should be: nothing can be opened
    answer = make_answer()
    record(tracer, answer)
    tracer.rate(answer.id, 0, comment="falsch", pseudonym=ANNA)
    assert log.wait_for(AWAY, count=3)
    assert [r.levelname for r in log.records] == ["WARNING", *["DEBUG"] * (len(log.records) - 1)]
    assert rows(engine, "SELECT value, comment, exported_at FROM ratings") == [(0, "falsch", None)]
    tracer.rate(answer.id, 1, comment="doch richtig", pseudonym=ANNA)
    obstacle.rmdir()
    (settings.data_dir / "elsewhere").rename(obstacle)
    assert tracer.flush(WAIT_S)
    assert ratings(read(settings, answer)) == [(True, "doch richtig")]
    assert log.wait_for("reached again")


@pytest.mark.slow
@pytest.mark.parametrize("server", ["refuses", "hangs"])
def test_a_server_that_does_not_answer_holds_nobody_up(
    server: str,
    settings: Settings,
    engine: Engine,
    make_answer: MakeAnswer,
    log: LogWatch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    listener = socket.create_server(("127.0.0.1", 0))  # takes connections, and says nothing
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    if server == "refuses":
        listener.close()
    tracer = Tracer(
        settings.model_copy(update={"mlflow_tracking_uri": address}),
        Ledger(engine),
        first_wait_s=0.05,
        longest_wait_s=0.05,
    )
    answer = make_answer()
    record(tracer, answer)
    tracer.rate(answer.id, 0, comment="falsch", pseudonym=ANNA)
    assert log.wait_for(AWAY, count=2)
    started = time.perf_counter()
    for number in range(20):
        record(tracer, make_answer(f"Frage {number}"))
    assert time.perf_counter() - started < 1
    assert sum(r.levelname == "WARNING" for r in log.records) == 1
    tracer.close()
    listener.close()
    assert rows(engine, "SELECT count(*) FROM pending_traces") == [(21,)]
    assert rows(engine, "SELECT value, comment FROM ratings") == [(0, "falsch")]


@pytest.mark.slow
def test_what_waited_is_written_by_the_next_start(
    settings: Settings, engine: Engine, make_answer: MakeAnswer
) -> None:
    obstacle = settings.data_dir / "mlflow.db"
    obstacle.mkdir()
    answer = make_answer()
    first = Tracer(settings, Ledger(engine))
    record(first, answer)
    first.rate(answer.id, 0, comment="falsch", pseudonym=ANNA)
    first.close()
    obstacle.rmdir()

    second = Tracer(settings, Ledger(engine))
    second.warm_up()
    assert second.flush(WAIT_S)
    second.close()
    assert ratings(read(settings, answer)) == [(False, "falsch")]


@pytest.mark.slow
def test_the_event_loop_does_not_notice_a_trace(
    tracer: Tracer, settings: Settings, make_answer: MakeAnswer
) -> None:
    """Once warm, the longest hold-up of the loop while 50 answers are traced stays short."""
    record(tracer, make_answer())
    assert tracer.flush(WAIT_S)

    async def longest_pause_s() -> float:
        longest = 0.0
        for number in range(50):
            record(tracer, make_answer(f"Frage {number}"))
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - before - 0.01)
        return longest

    pause = asyncio.run(longest_pause_s())
    assert tracer.flush(WAIT_S)
    assert pause < 0.25


@pytest.mark.slow
def test_record_does_not_wait_for_the_database(
    settings: Settings, engine: Engine, make_answer: MakeAnswer
) -> None:
    tracer = Tracer(settings.model_copy(update={"tracing": False}), Ledger(engine))
    blocker = sqlite3.connect(settings.data_dir / "millwright.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    started = time.perf_counter()
    answers = [make_answer(f"Frage {i}") for i in range(600)]
    for answer in answers:
        record(tracer, answer)
    assert time.perf_counter() - started < 2
    blocker.execute("ROLLBACK")
    blocker.close()
    tracer.close()
    kept = rows(engine, "SELECT question FROM answers")
    # 500 waited in memory; those beyond were let go of, and the log said so.
    assert 500 <= len(kept) < 600
    assert kept[0] == ("Frage 0",)


@pytest.mark.slow
def test_a_process_killed_while_it_makes_the_database_leaves_none(settings: Settings) -> None:
    """MLflow could never open one with half of its tables."""
    settings.data_dir.mkdir(parents=True)
    database = settings.data_dir / "mlflow.db"
    unfinished = settings.data_dir / "mlflow.db.unfinished"
    program = (
        "import sys; from pathlib import Path; from rag.settings import Settings;"
        "from rag.observe.mlflow_client import MlflowClient;"
        "MlflowClient(Settings(data_dir=Path(sys.argv[1]), mlflow_tracking_uri=''))"
    )
    command = [sys.executable, "-c", program, str(settings.data_dir)]
    with subprocess.Popen(command) as process:
        while not (unfinished.exists() and _tables(unfinished) > 3):
            assert process.poll() is None
            time.sleep(0.01)  # nothing tells when a table is made
        process.kill()
    assert not database.exists()

    MlflowClient(settings)

    assert not unfinished.exists()
    assert _tables(database) > 20


def _tables(database: Path) -> int:
    address = f"file:{database}?mode=ro"
    with (
        contextlib.suppress(sqlite3.OperationalError),  # locked
        contextlib.closing(sqlite3.connect(address, uri=True)) as known,
    ):
        return int(known.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    return 0
