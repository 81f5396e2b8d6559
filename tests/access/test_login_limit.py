"""The log-in limit, on a clock that the test moves, and shared by processes in a real Redis."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from rag.access.login_limit import LoginLimit
from rag.settings import Settings
from tests.redis import REDIS, redis


class Clock:
    def __init__(self) -> None:
        self.seconds = time.time()

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(time, "time", moved)
    return moved


def limit_of(per_name: int = 10, per_address: int = 30, url: str = "", **how: Any) -> LoginLimit:
    settings = Settings(
        logins_per_name=per_name, logins_per_address=per_address, redis_url=SecretStr(url)
    )
    return LoginLimit(settings, **how)


def test_a_name_is_stopped_and_let_in_again_when_the_window_has_moved(clock: Clock) -> None:
    limit = limit_of(per_name=3, per_address=100, window_s=60)
    for _ in range(3):
        assert limit.attempt("anna", "10.0.0.1") == 0
        clock.seconds += 10
    assert limit.attempt("anna", "10.0.0.2") == 30
    assert limit.attempt("Anna ", "10.0.0.3") == 30
    assert limit.attempt("ＡＮＮＡ", "10.0.0.4") == 30  # the same account, in full width
    assert limit.attempt("berta", "10.0.0.1") == 0
    clock.seconds += 30.1
    assert limit.attempt("anna", "10.0.0.1") == 0
    assert limit.attempt("anna", "10.0.0.1") == 10


def test_an_address_that_tries_many_names_is_stopped(clock: Clock) -> None:
    limit = limit_of(per_name=3, per_address=5, window_s=60)
    waits = [limit.attempt(f"name{i}", "10.0.0.1") for i in range(8)]
    assert waits == [0, 0, 0, 0, 0, 60, 60, 60]
    assert limit.attempt("name0", "10.0.0.2") == 0


def test_being_refused_does_not_make_the_wait_longer(clock: Clock) -> None:
    limit = limit_of(per_name=2, per_address=100, window_s=60)
    for _ in range(2):
        limit.attempt("anna", "10.0.0.1")
    for _ in range(50):
        assert limit.attempt("anna", "10.0.0.1") > 0
        clock.seconds += 1
    clock.seconds += 10.1
    assert limit.attempt("anna", "10.0.0.1") == 0


def test_a_right_password_forgives() -> None:
    limit = limit_of(per_name=2, per_address=3)
    for _ in range(20):
        assert limit.attempt("anna", "10.0.0.1") == 0
        limit.succeeded("anna", "10.0.0.1")


def test_memory_is_bounded_whatever_is_tried() -> None:
    limit = limit_of(max_keys=50)
    for i in range(1000):
        limit.attempt(f"name{i}", f"10.0.{i // 256}.{i % 256}")
    assert len(limit) == 50


@pytest.mark.skipif(REDIS is None, reason="redis-server is not installed")
def test_two_processes_count_together(tmp_path: Path) -> None:
    with redis(tmp_path) as url:
        first, second = (limit_of(4, 6, url) for _ in range(2))
        assert [first.attempt("anna", "10.0.0.1") for _ in range(2)] == [0, 0]
        assert [second.attempt("anna", "10.0.0.1") for _ in range(2)] == [0, 0]
        assert 299 <= first.attempt("anna", "10.0.0.1") <= 301
        assert second.attempt("berta", "10.0.0.1") == 0
        second.succeeded("berta", "10.0.0.1")
        assert [first.attempt("berta", "10.0.0.1") for _ in range(2)] == [0, 0]
        assert second.attempt("clara", "10.0.0.1") > 0
        second.succeeded("anna", "10.0.0.9")
        assert first.attempt("anna", "10.0.0.2") == 0
