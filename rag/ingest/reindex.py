"""Vectors made anew, in the background, when they are another model's or were lost."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from rag.errors import StoreDown

if TYPE_CHECKING:
    from rag.ingest.manual import Stores

_log = logging.getLogger(__name__)


# A server that was away when the app started may come at any time.
_AGAIN_S = 30.0


class _Stopped(Exception):
    """Ends the work in the thread, between two steps."""


async def reindex(services: Stores, show: Callable[[int, int], None]) -> None:
    """Embed what the present embedding model has no vectors of; ``show(done, total)`` in chunks.

    Cancelled or failed, what is done stays done and the next start goes on; a vector store that is
    away is waited for. Keywords answer meanwhile, so that a failure is only logged.
    """
    while True:
        try:
            await _reindex(services, show)
        except StoreDown as down:
            if not down.retryable:
                _log.exception("making the vectors anew failed; the next start tries again")
                return
            _log.warning("the vector store is away: %s", down.values.get("reason"))
            await asyncio.sleep(_AGAIN_S)
        else:
            return


async def _reindex(services: Stores, show: Callable[[int, int], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def on_progress(done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        loop.call_soon_threadsafe(show, done, total)

    working = asyncio.ensure_future(
        asyncio.to_thread(services.vectors.reindex, services.library, on_progress)
    )
    try:
        count = await asyncio.shield(working)
        if count:
            _log.info("made vectors of %d passages for %s", count, services.vectors.collection)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({working})
        working.exception()  # looked at, so that asyncio does not report it as lost
        raise
    except StoreDown:
        raise
    except Exception:
        _log.exception("making the vectors anew failed; the next start tries again")
    finally:
        show(0, 0)
