"""How often somebody may ask and upload: a moving window, in memory or in Redis for several
processes. Log-ins have a window of their own (``login_limit``)."""

from __future__ import annotations

import logging
import threading
import time
from math import ceil
from typing import TYPE_CHECKING, Literal

from rag.errors import RagError
from rag.settings import Settings

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import MovingWindowRateLimiter

logger = logging.getLogger(__name__)

Kind = Literal["question", "upload"]
_WINDOW_S = 60
# Redis is on the way of every question: it is given little time, and a pause when it is away.
_REDIS_TIMEOUT_S = 1.0
_REDIS_PAUSE_S = 10.0


class TooMany(RagError):
    """Too many of a kind within a minute. ``seconds`` is when the next one may come."""

    def __init__(self, kind: Kind, seconds: int) -> None:
        super().__init__(f"error.too_many_{kind}s", retryable=True, seconds=str(seconds))
        self.seconds = seconds


class RateLimits:
    """Thread-safe; ``spend`` may wait for Redis: call it in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._amounts = {
            "question": settings.questions_per_minute,
            "upload": settings.uploads_per_minute,
        }
        self._redis_url = settings.redis_url.get_secret_value()
        self._lock = threading.Lock()
        self._in_memory: MovingWindowRateLimiter | None = None
        self._in_redis: MovingWindowRateLimiter | None = None
        self._redis_again = 0.0

    def spend(self, kind: Kind, who: str) -> None:
        """Count one for ``who``. Raises ``TooMany``, and then counts nothing: waiting helps."""
        amount = self._amounts[kind]
        if amount == 0:
            return
        from limits import RateLimitItemPerMinute

        seconds = self._wait(RateLimitItemPerMinute(amount, namespace="millwright"), kind, who)
        if seconds:
            raise TooMany(kind, seconds)

    def _wait(self, item: RateLimitItem, kind: Kind, who: str) -> int:
        """Seconds to wait; 0 when it was counted."""
        if self._redis_url and time.monotonic() >= self._redis_again:
            try:
                return _try(self._shared(), item, kind, who)
            except Exception as error:  # of Redis, of the network, of a wrong password
                self._redis_again = time.monotonic() + _REDIS_PAUSE_S
                # Its own words may hold the address with the password.
                logger.warning("Redis is away (%s): limits hold here only", type(error).__name__)
        with self._lock:  # the storage's own clean-up is not safe against two callers
            return _try(self._local(), item, kind, who)

    def _local(self) -> MovingWindowRateLimiter:
        if self._in_memory is None:
            from limits.storage import MemoryStorage
            from limits.strategies import MovingWindowRateLimiter

            self._in_memory = MovingWindowRateLimiter(MemoryStorage())
        return self._in_memory

    def _shared(self) -> MovingWindowRateLimiter:
        with self._lock:
            if self._in_redis is None:
                from limits.storage import RedisStorage
                from limits.strategies import MovingWindowRateLimiter

                storage = RedisStorage(
                    self._redis_url,
                    socket_timeout=_REDIS_TIMEOUT_S,
                    socket_connect_timeout=_REDIS_TIMEOUT_S,
                )
                self._in_redis = MovingWindowRateLimiter(storage)
            return self._in_redis


def _try(limiter: MovingWindowRateLimiter, item: RateLimitItem, kind: Kind, who: str) -> int:
    if limiter.hit(item, kind, who):
        return 0
    seconds = ceil(limiter.get_window_stats(item, kind, who).reset_time - time.time())
    if seconds > _WINDOW_S + 1:
        # The clock was set back: what was counted lies in the future and would last until then.
        limiter.clear(item, kind, who)
        limiter.hit(item, kind, who)
        return 0
    return max(1, seconds)
