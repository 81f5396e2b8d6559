"""How often somebody may ask and upload: a moving window, in memory or in Redis for several
processes. Log-ins are counted by ``login_limit``."""

from __future__ import annotations

from typing import Literal

from rag.access.windows import Windows
from rag.errors import RagError
from rag.settings import Settings

Kind = Literal["question", "upload"]


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
        self._windows = Windows(settings.redis_url.get_secret_value())

    def spend(self, kind: Kind, who: str) -> None:
        """Count one for ``who``. Raises ``TooMany``, and then counts nothing: waiting helps."""
        amount = self._amounts[kind]
        if amount == 0:
            return
        from limits import RateLimitItemPerMinute

        item = RateLimitItemPerMinute(amount, namespace="millwright")
        seconds = self._windows.use(lambda counter: counter.count(item, kind, who))
        if seconds:
            raise TooMany(kind, seconds)
