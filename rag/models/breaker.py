"""A circuit breaker: after failures in a row nobody asks for a while, then one may try.

Nygard, "Release It!" (2007), chapter 5. Closed: everybody may ask. Open: nobody. Half open, after
``pause_s``: one trial; its success closes the breaker, its failure opens it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]

FAILURES = 3
PAUSE_S = 15.0


class Breaker:
    """Lives in one event loop. ``clock`` gives seconds that never run backwards."""

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        pause_s: float = PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = failures
        self._pause_s = pause_s
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._on_trial = False

    @property
    def state(self) -> BreakerState:
        if self._opened_at is None:
            return "closed"
        return "half_open" if self._clock() - self._opened_at >= self._pause_s else "open"

    @property
    def allows(self) -> bool:
        """Whether a request may begin now."""
        return self.state == "closed" or (self.state == "half_open" and not self._on_trial)

    def begin(self) -> None:
        """A request begins; when half open, it is the trial."""
        self._on_trial = self.state == "half_open"

    def succeeded(self) -> None:
        self._failures, self._opened_at, self._on_trial = 0, None, False

    def failed(self, *, at_once: bool = False) -> None:
        """Count a failure; ``at_once`` opens without waiting for more of them."""
        self._failures += 1
        if self._on_trial or at_once or self._failures >= self._most:
            self._opened_at = self._clock()
        self._on_trial = False

    def left(self) -> None:
        """A request was given up by whoever asked: it says nothing about the server."""
        self._on_trial = False
