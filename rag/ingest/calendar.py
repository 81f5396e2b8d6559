"""Revisions that are valid from a day to come: made active when it begins."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from rag.store.library import Library

_log = logging.getLogger(__name__)

# The clock may be set, or the machine sleep: look more often than once a day.
_LONGEST_WAIT_S = 600.0


async def keep_calendar(library: Library) -> None:
    """Publish what is due, now and at the beginning of each day, until cancelled."""
    while True:
        try:
            for manual in await asyncio.to_thread(library.activate_due):
                _log.info("%s is due: now %s", manual.id, manual.status)
        except Exception:
            # The database is full or gone: the next look finds the same manuals.
            _log.exception("revisions that are due could not be published")
        await asyncio.sleep(min(_LONGEST_WAIT_S, seconds_to_midnight(datetime.now())))


def seconds_to_midnight(moment: datetime) -> float:
    """From a local time to a second after the next midnight."""
    tomorrow = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=1, microsecond=0)
    return (tomorrow - moment).total_seconds()
