"""What ``limits`` counts in, with two things that it lacks: a count taken back, and a bound on
memory. Imported with the first count."""

from __future__ import annotations

from typing import Any

from limits.storage import MemoryStorage, RedisStorage

_TIMEOUT_S = 1.0  # Redis is on the way of every question and log-in: it is given little time


class InMemory(MemoryStorage):
    """At most ``max_keys`` windows, whoever tries whatever names: the oldest are forgotten."""

    def __init__(self, max_keys: int) -> None:
        super().__init__()
        self._max_keys = max_keys

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        acquired = super().acquire_entry(key, limit, expiry, amount)
        while len(self.events) > self._max_keys:
            oldest = next(iter(self.events))
            with self.locks[oldest]:  # its own clean-up may be at it
                self.clear(oldest)
        return acquired

    def take_back(self, key: str) -> None:
        """Forget the newest count of a window."""
        with self.locks[key]:
            if entries := self.events.get(key):
                entries.pop(0)


class InRedis(RedisStorage):
    def __init__(self, url: str) -> None:
        super().__init__(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)

    def take_back(self, key: str) -> None:
        """Forget the newest count of a window."""
        redis: Any = self.get_connection()  # typed by limits as less than it is
        redis.lpop(self.prefixed_key(key))
