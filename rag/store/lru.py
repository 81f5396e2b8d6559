"""A cache bounded in bytes and in time: what was used longest ago goes first."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

# What an entry costs beside its bytes: two dictionary slots, a tuple, the key (measured: 330).
_ENTRY_BYTES = 400


def key_of(*texts: str) -> str:
    """A short key for long texts, any Unicode; the size of an entry counts on that."""
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d " % len(content))
        digest.update(content)
    return digest.hexdigest()


class ByteCache:
    """Safe to use from several threads. ``max_bytes`` 0 keeps nothing; ``ttl_s`` in seconds.

    ``on_lookup`` is told of each look-up whether it found something.
    """

    def __init__(
        self,
        max_bytes: int,
        *,
        ttl_s: float,
        clock: Callable[[], float] = time.monotonic,
        on_lookup: Callable[[bool], object] = lambda _: None,
    ) -> None:
        self.max_bytes = max_bytes
        self.size = 0
        self._ttl_s = ttl_s
        self._clock = clock
        self._on_lookup = on_lookup
        self._lock = Lock()
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> bytes | None:
        """The value, if it is there and young enough."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and self._clock() - entry[0] >= self._ttl_s:
                self._drop(key)
                entry = None
            if entry is not None:
                self._entries.move_to_end(key)
        self._on_lookup(entry is not None)
        return None if entry is None else entry[1]

    def put(self, key: str, value: bytes) -> None:
        """Keep ``value``; what is larger than the whole cache is not kept."""
        with self._lock:
            self._drop(key)
            if len(value) + _ENTRY_BYTES > self.max_bytes:
                return
            self._entries[key] = (self._clock(), value)
            self.size += len(value) + _ENTRY_BYTES
            while self.size > self.max_bytes:
                self._drop(next(iter(self._entries)))

    def evict(self, key: str) -> bool:
        """Forget ``key``; ``False`` when it was not there."""
        with self._lock:
            return self._drop(key)

    def _drop(self, key: str) -> bool:
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self.size -= len(entry[1]) + _ENTRY_BYTES
        return True
