"""Who waits for a first word goes before what can wait."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from rag.observe.quiet import Quiet


def test_it_is_quiet_when_the_last_one_is_told() -> None:
    quiet = Quiet()
    assert quiet.wait(0)
    quiet.begin()
    quiet.begin()
    quiet.end()
    assert not quiet.wait(0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(quiet.wait, 30)
        quiet.end()
        assert waiting.result()
