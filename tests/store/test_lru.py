"""A cache bounded in bytes and in time."""

from __future__ import annotations

from rag.store.lru import ByteCache


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = ByteCache(3 * 1400, ttl_s=60)
    for key in "abc":
        cache.put(key, bytes(1000))
    assert cache.get("a") is not None

    cache.put("d", bytes(1000))

    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
    assert cache.size <= cache.max_bytes


def test_an_old_value_is_gone() -> None:
    clock = Clock()
    cache = ByteCache(10_000, ttl_s=60, clock=clock)
    cache.put("a", b"1")
    clock.now = 59.9
    assert cache.get("a") == b"1"

    clock.now = 60.0

    assert cache.get("a") is None
    assert (len(cache), cache.size) == (0, 0)


def test_writing_again_does_not_count_twice() -> None:
    cache = ByteCache(10_000, ttl_s=60)
    cache.put("a", bytes(5000))
    cache.put("a", bytes(100))

    assert cache.size == 500
    assert cache.evict("a")
    assert cache.size == 0
    assert not cache.evict("a")


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache = ByteCache(1000, ttl_s=60)
    cache.put("a", bytes(100))
    cache.put("b", bytes(2000))

    assert cache.get("a") is not None
    assert cache.get("b") is None
    assert ByteCache(0, ttl_s=60).get("a") is None


def test_each_look_up_is_told() -> None:
    found: list[bool] = []
    cache = ByteCache(10_000, ttl_s=60, on_lookup=found.append)
    cache.get("a")
    cache.put("a", b"1")
    cache.get("a")

    assert found == [False, True]
