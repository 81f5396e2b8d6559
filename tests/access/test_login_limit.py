"""The log-in limit, on a clock that the test moves."""

from __future__ import annotations

from rag.access.login_limit import LoginLimit


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_name_is_stopped_and_let_in_again_when_the_window_has_moved() -> None:
    clock = Clock()
    limit = LoginLimit(per_name=3, per_address=100, window_s=60, clock=clock)
    for _ in range(3):
        assert limit.attempt("anna", "10.0.0.1") == 0
        clock.seconds += 10
    assert limit.attempt("anna", "10.0.0.2") == 30
    assert limit.attempt("Anna ", "10.0.0.3") == 30
    assert limit.attempt("berta", "10.0.0.1") == 0
    clock.seconds += 30
    assert limit.attempt("anna", "10.0.0.1") == 0
    assert limit.attempt("anna", "10.0.0.1") == 10


def test_an_address_that_tries_many_names_is_stopped() -> None:
    clock = Clock()
    limit = LoginLimit(per_name=3, per_address=5, window_s=60, clock=clock)
    waits = [limit.attempt(f"name{i}", "10.0.0.1") for i in range(8)]
    assert waits == [0, 0, 0, 0, 0, 60, 60, 60]
    assert limit.attempt("name0", "10.0.0.2") == 0


def test_being_refused_does_not_make_the_wait_longer() -> None:
    clock = Clock()
    limit = LoginLimit(per_name=2, per_address=100, window_s=60, clock=clock)
    for _ in range(2):
        limit.attempt("anna", "10.0.0.1")
    for _ in range(50):
        assert limit.attempt("anna", "10.0.0.1") > 0
        clock.seconds += 1
    clock.seconds += 10
    assert limit.attempt("anna", "10.0.0.1") == 0


def test_a_right_password_forgives() -> None:
    limit = LoginLimit(per_name=2, per_address=3, clock=Clock())
    for _ in range(20):
        assert limit.attempt("anna", "10.0.0.1") == 0
        limit.succeeded("anna", "10.0.0.1")


def test_memory_is_bounded_whatever_is_tried() -> None:
    limit = LoginLimit(max_keys=50, clock=Clock())
    for i in range(1000):
        limit.attempt(f"name{i}", f"10.0.{i // 256}.{i % 256}")
    assert len(limit) == 50
