"""Slows down the guessing of passwords: a moving window per account name and per address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.access.accounts import fold_name
from rag.access.windows import MAX_KEYS, Counter, Windows
from rag.settings import Settings

if TYPE_CHECKING:
    from limits import RateLimitItem

WINDOW_S = 300
_LETTERS = 100  # of a name or an address; more tell nothing


class LoginLimit:
    """Counts attempts, not failures, so that a burst in parallel counts as well.

    A whole shift may log in from behind one address, so an address may try more than a name.
    Thread-safe; may wait for Redis: call it in a thread.
    """

    def __init__(
        self, settings: Settings, *, window_s: int = WINDOW_S, max_keys: int = MAX_KEYS
    ) -> None:
        self._per_name = settings.logins_per_name
        self._per_address = settings.logins_per_address
        self._window_s = window_s
        self._windows = Windows(settings.redis_url.get_secret_value(), max_keys=max_keys)

    def attempt(self, name: str, address: str) -> int:
        """Seconds to wait before a log-in may be tried; 0 when it may be tried now.

        An attempt that may go on is counted, one that must wait is not: waiting always helps.
        """
        by_name, by_address = self._items()

        def count(counter: Counter) -> int:
            wait = counter.count(by_name, "name", _folded(name))
            more = counter.count(by_address, "address", address[:_LETTERS])
            if wait and not more:
                counter.take_back(by_address, "address", address[:_LETTERS])
            if more and not wait:
                counter.take_back(by_name, "name", _folded(name))
            return max(wait, more)

        return self._windows.use(count)

    def succeeded(self, name: str, address: str) -> None:
        """The password was right: the name is forgiven, and the address this one attempt."""
        by_name, by_address = self._items()

        def forgive(counter: Counter) -> None:
            counter.forget(by_name, "name", _folded(name))
            counter.take_back(by_address, "address", address[:_LETTERS])

        self._windows.use(forgive)

    def __len__(self) -> int:
        """How many names and addresses are in memory."""
        return len(self._windows)

    def _items(self) -> tuple[RateLimitItem, RateLimitItem]:
        from limits import RateLimitItemPerSecond

        def item(amount: int) -> RateLimitItem:
            return RateLimitItemPerSecond(amount, self._window_s, namespace="millwright-login")

        return item(self._per_name), item(self._per_address)


def _folded(name: str) -> str:
    """The name that would be looked up: another spelling of it is no other account."""
    return fold_name(name)[:_LETTERS]
