"""Slows down the guessing of passwords: a moving window per account name and per address."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

WINDOW_S = 300.0
ATTEMPTS_PER_NAME = 10
ATTEMPTS_PER_ADDRESS = 30  # a whole shift may log in from behind one address
MAX_KEYS = 10_000  # some MB at most, whoever tries whatever names


class LoginLimit:
    """Counts attempts, not failures, so that a burst in parallel counts as well. Thread-safe."""

    def __init__(
        self,
        *,
        per_name: int = ATTEMPTS_PER_NAME,
        per_address: int = ATTEMPTS_PER_ADDRESS,
        window_s: float = WINDOW_S,
        max_keys: int = MAX_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = {"name": per_name, "address": per_address}
        self._window_s = window_s
        self._max_keys = max_keys
        self._clock = clock
        self._attempts: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def attempt(self, name: str, address: str) -> float:
        """Seconds to wait before a log-in may be tried; 0 when it may be tried now.

        An attempt that may go on is counted, one that must wait is not: waiting always helps.
        """
        keys = _keys(name, address)
        with self._lock:
            now = self._clock()
            wait = max(self._wait(key, now) for key in keys)
            if wait <= 0:
                for key in keys:
                    self._attempts.setdefault(key, deque()).append(now)
                    self._attempts.move_to_end(key)
                while len(self._attempts) > self._max_keys:
                    self._attempts.popitem(last=False)
            return wait

    def succeeded(self, name: str, address: str) -> None:
        """The password was right: the name is forgiven, and the address this one attempt."""
        by_name, by_address = _keys(name, address)
        with self._lock:
            self._attempts.pop(by_name, None)
            if attempts := self._attempts.get(by_address):
                attempts.pop()

    def __len__(self) -> int:
        return len(self._attempts)

    def _wait(self, key: tuple[str, str], now: float) -> float:
        attempts = self._attempts.get(key)
        if not attempts:
            return 0.0
        while attempts and attempts[0] <= now - self._window_s:
            attempts.popleft()
        if len(attempts) < self._limits[key[0]]:
            return 0.0
        return attempts[0] + self._window_s - now


def _keys(name: str, address: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("name", name.strip().casefold()[:100]), ("address", address[:100])
