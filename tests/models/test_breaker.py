"""The circuit breaker, on a clock of its own."""

from __future__ import annotations

from rag.models.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_failures_in_a_row_open_it_and_one_success_forgets_them() -> None:
    breaker = Breaker(failures=3)
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    assert breaker.allows

    breaker.failed()

    assert breaker.state == "open"
    assert not breaker.allows


def test_after_the_pause_one_may_try_and_nobody_else() -> None:
    clock = Clock()
    breaker = Breaker(pause_s=15, clock=clock)
    breaker.failed(at_once=True)
    clock.now = 14.9
    assert not breaker.allows
    clock.now = 15.0
    assert breaker.allows

    breaker.begin()

    assert not breaker.allows
    breaker.succeeded()
    assert breaker.state == "closed"


def test_a_trial_that_fails_opens_it_again_for_the_whole_pause() -> None:
    clock = Clock()
    breaker = Breaker(failures=3, pause_s=15, clock=clock)
    breaker.failed(at_once=True)
    clock.now = 20.0
    breaker.begin()

    breaker.failed()

    clock.now = 34.9
    assert not breaker.allows
    clock.now = 35.0
    assert breaker.allows


def test_a_trial_that_its_user_gave_up_leaves_room_for_the_next() -> None:
    clock = Clock()
    breaker = Breaker(pause_s=15, clock=clock)
    breaker.failed(at_once=True)
    clock.now = 15.0
    breaker.begin()

    breaker.left()

    assert breaker.allows
