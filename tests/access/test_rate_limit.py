"""Moving windows in memory and in a real Redis, where there is one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rag.access.rate_limit import RateLimits, TooMany
from rag.settings import Settings
from tests.ports import free_port
from tests.redis import REDIS, redis


def limits(**settings: Any) -> RateLimits:
    return RateLimits(Settings(**settings))


def spent(limits: RateLimits, who: str, times: int) -> int:
    """How many of ``times`` questions were let through."""
    through = 0
    for _ in range(times):
        try:
            limits.spend("question", who)
            through += 1
        except TooMany:
            continue
    return through


def test_ten_questions_a_minute_for_each() -> None:
    one = limits()
    assert spent(one, "anna", 12) == 10
    assert spent(one, "bert", 12) == 10
    with pytest.raises(TooMany) as refused:
        one.spend("question", "anna")
    assert 1 <= refused.value.seconds <= 60
    assert refused.value.values == {"seconds": str(refused.value.seconds)}
    one.spend("upload", "anna")  # counted apart


def test_no_limit() -> None:
    assert spent(limits(questions_per_minute=0), "anna", 100) == 100


def test_a_burst_in_parallel_gets_no_more() -> None:
    one = limits(questions_per_minute=5)
    with ThreadPoolExecutor(8) as threads:
        through = list(threads.map(lambda _: spent(one, "anna", 5), range(8)))
    assert sum(through) == 5


def test_the_window_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    one = limits(questions_per_minute=2)
    start = time.time()
    clock = {"now": start}
    monkeypatch.setattr(time, "time", lambda: clock["now"])
    one.spend("question", "anna")
    clock["now"] = start + 40
    one.spend("question", "anna")
    with pytest.raises(TooMany) as refused:
        one.spend("question", "anna")
    assert refused.value.seconds == 20
    clock["now"] = start + 60.1
    one.spend("question", "anna")
    with pytest.raises(TooMany):
        one.spend("question", "anna")


def test_a_clock_that_is_set_back_locks_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    one = limits(questions_per_minute=2)
    assert spent(one, "anna", 3) == 2
    past = time.time() - 86_400
    monkeypatch.setattr(time, "time", lambda: past)
    assert spent(one, "anna", 3) == 2


@pytest.mark.skipif(REDIS is None, reason="redis-server is not installed")
def test_two_processes_share_one_window(tmp_path: Path) -> None:
    with redis(tmp_path) as url:
        first, second = limits(redis_url=url), limits(redis_url=url)
        assert spent(first, "anna", 6) == 6
        assert spent(second, "anna", 6) == 4
        with pytest.raises(TooMany) as refused:
            first.spend("question", "anna")
        assert 1 <= refused.value.seconds <= 60


def test_without_its_redis_each_process_counts_for_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = limits(redis_url=f"redis://:secret@127.0.0.1:{free_port()}/0")
    assert spent(one, "anna", 12) == 10
    assert "Redis is away" in caplog.text
    assert "secret" not in caplog.text
    assert len(caplog.records) == 1
