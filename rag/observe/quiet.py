"""Work that can wait lets those go before who wait for the first word of an answer.

All threads of a Python process share one interpreter: what one computes, the others wait for.
"""

from __future__ import annotations

import threading


class Quiet:
    """Counts who waits. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = 0
        self._nobody = threading.Event()
        self._nobody.set()

    def begin(self) -> None:
        """Somebody waits from now on; to be ended by one call of ``end``."""
        self._add(1)

    def end(self) -> None:
        self._add(-1)

    def wait(self, seconds: float) -> bool:
        """Until nobody waits, at most ``seconds``; whether nobody does."""
        return self._nobody.wait(seconds)

    def _add(self, count: int) -> None:
        with self._lock:
            self._waiting += count
            if self._waiting:
                self._nobody.clear()
            else:
                self._nobody.set()


FIRST_WORDS = Quiet()
