"""What other processes on the same database have changed, and this one has in memory.

Most is read from the database each time (log-ins, keys, which manuals are active, the version that
the keyword index and kept answers go by). Two things are looked after here, every two seconds: the
plant's own words, and kept answers that somebody found bad.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from rag.observe.ledger import Ledger
from rag.services import Services, plants_words
from rag.store.glossary_table import GlossaryTable

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
# A rating is written a moment after the time that it carries, by a clock that may differ.
_OVERLAP = timedelta(seconds=30)


class Follower:
    """Lives in one event loop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lists = GlossaryTable(services.database)
        self._ledger = Ledger(services.database)
        self._words = self._lists.version_in_use()

    async def keep_following(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await asyncio.to_thread(self.look)
            except Exception as error:  # the database is away: the next look sees all
                _log.warning("what other processes changed cannot be seen: %s", error)

    def look(self) -> None:
        words = self._lists.version_in_use()
        if words != self._words:
            self._services.use_glossary(plants_words(self._lists))
            self._words = words
        since = (datetime.now(UTC) - _OVERLAP).isoformat(timespec="microseconds")
        for key in self._ledger.bad_since(since):
            self._services.cache.evict(key)
