"""Vectors made anew, in the background, when they are another model's or were lost."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.ingest.manual import Stores

_log = logging.getLogger(__name__)


class _Stopped(Exception):
    """Ends the work in the thread, between two steps."""


async def reindex(services: Stores, show: Callable[[int, int], None]) -> None:
    """Embed what the present embedding model has no vectors of; ``show(done, total)`` in chunks.

    Cancelled or failed, what is done stays done and the next start goes on. Keywords answer
    meanwhile, so that a failure is only logged.
    """
    vectors = services.vectors
    if vectors is None:
        return
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def on_progress(done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        loop.call_soon_threadsafe(show, done, total)

    working = asyncio.ensure_future(
        asyncio.to_thread(vectors.reindex, services.library, on_progress)
    )
    try:
        count = await asyncio.shield(working)
        if count:
            _log.info("made vectors of %d passages for %s", count, vectors.collection)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({working})
        working.exception()  # looked at, so that asyncio does not report it as lost
        raise
    except Exception:
        _log.exception("making the vectors anew failed; the next start tries again")
    finally:
        show(0, 0)
