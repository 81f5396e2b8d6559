"""Moving windows: in Redis, which several processes share, or else in this process's memory."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from limits import RateLimitItem

    from rag.access.limit_storage import InMemory, InRedis

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

MAX_KEYS = 10_000  # some MB at most
_REDIS_PAUSE_S = 10.0


class Counter:
    """The windows of one store."""

    def __init__(self, store: InMemory | InRedis) -> None:
        from limits.strategies import MovingWindowRateLimiter

        self._store = store
        self._limiter = MovingWindowRateLimiter(store)

    def __len__(self) -> int:
        return len(getattr(self._store, "events", ()))

    def count(self, item: RateLimitItem, *who: str) -> int:
        """Count one; seconds to wait when that is too many, and then nothing is counted."""
        if self._limiter.hit(item, *who):
            return 0
        seconds = ceil(self._limiter.get_window_stats(item, *who).reset_time - time.time())
        if seconds > item.get_expiry() + 1:
            # The clock was set back: what was counted lies in the future and would last until then.
            self._limiter.clear(item, *who)
            self._limiter.hit(item, *who)
            return 0
        return max(1, seconds)

    def take_back(self, item: RateLimitItem, *who: str) -> None:
        """Forget what was counted last."""
        self._store.take_back(item.key_for(*who))

    def forget(self, item: RateLimitItem, *who: str) -> None:
        """Forget all that was counted."""
        self._limiter.clear(item, *who)


class Windows:
    """Thread-safe; may wait for Redis: use it in a thread."""

    def __init__(self, redis_url: str, *, max_keys: int = MAX_KEYS) -> None:
        self._redis_url = redis_url
        self._max_keys = max_keys
        self._lock = threading.Lock()
        self._in_memory: Counter | None = None
        self._in_redis: Counter | None = None
        self._redis_again = 0.0

    def use(self, work: Callable[[Counter], Result]) -> Result:
        """What ``work`` does with the shared windows; with those of this process while Redis is
        away, or when there is none."""
        if self._redis_url and time.monotonic() >= self._redis_again:
            try:
                return work(self._shared())
            except Exception as error:  # of Redis, of the network, of a wrong password
                self._redis_again = time.monotonic() + _REDIS_PAUSE_S
                # Its own words may hold the address with the password.
                logger.warning("Redis is away (%s): limits hold here only", type(error).__name__)
        with self._lock:  # the storage's own clean-up is not safe against two callers
            return work(self._local())

    def __len__(self) -> int:
        """How many windows are in memory."""
        return len(self._in_memory or ())

    def _local(self) -> Counter:
        if self._in_memory is None:
            from rag.access.limit_storage import InMemory

            self._in_memory = Counter(InMemory(self._max_keys))
        return self._in_memory

    def _shared(self) -> Counter:
        with self._lock:
            if self._in_redis is None:
                from rag.access.limit_storage import InRedis

                self._in_redis = Counter(InRedis(self._redis_url))
            return self._in_redis
