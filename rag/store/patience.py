"""Calls to a Qdrant server that may be away: how long to try, and when not to try at all.

Indexing works in the background and has time; a question has not. After failures in a row the
breaker answers in the server's place for some seconds, so that questions do not wait one by one.
The engine in process needs none of that: its calls pass straight through.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import TypeVar

from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from rag.errors import StoreDown
from rag.models.breaker import Breaker

Result = TypeVar("Result")

# Seconds before each further try, half of it to one and a half: not all come back at once.
PATIENT_S = (1.0, 2.0, 4.0, 8.0, 16.0)
QUICK_S = (0.2,)
_PAUSE_S = 5.0
_TOO_MANY = 429


class Patience:
    """Safe to use from several threads."""

    def __init__(self, *, is_remote: bool, patient_s: tuple[float, ...] = PATIENT_S) -> None:
        self._is_remote = is_remote
        self._patient_s = patient_s
        self._in_a_hurry = Event()
        self._breaker = Breaker(failures=2, pause_s=_PAUSE_S)

    @property
    def is_away(self) -> bool:
        """Whether the server was away when it was last asked."""
        return self._breaker.state != "closed"

    def hurry(self) -> None:
        """The app ends: nobody has time any more."""
        self._in_a_hurry.set()

    def call(self, work: Callable[[], Result], *, patient: bool) -> Result:
        """What ``work`` gives; tried again while the server may come back. Raises ``StoreDown``."""
        waits: tuple[float, ...] = ()
        if self._is_remote:
            waits = self._patient_s if patient else QUICK_S
        for wait_s in waits:
            try:
                with self.answering(ask_anyway=patient):
                    return work()
            except StoreDown as down:
                jitter = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
                if not down.retryable or self._in_a_hurry.wait(wait_s * jitter):
                    raise
        with self.answering(ask_anyway=patient):
            return work()

    @contextmanager
    def answering(self, *, ask_anyway: bool = False) -> Iterator[None]:
        """Around one call: a silent server becomes ``StoreDown``, at once while it is known to be
        away unless ``ask_anyway``."""
        if self._is_remote and not ask_anyway and not self._breaker.allows:
            raise StoreDown("error.qdrant_down", retryable=True, reason="away a moment ago")
        self._breaker.begin()
        try:
            yield
        except (ApiException, OSError) as error:
            status = error.status_code if isinstance(error, UnexpectedResponse) else None
            passing = status is None or status >= 500 or status == _TOO_MANY
            if passing:
                self._breaker.failed()
            raise StoreDown("error.qdrant_down", retryable=passing, reason=str(error)) from error
        else:
            self._breaker.succeeded()
        finally:
            self._breaker.left()
