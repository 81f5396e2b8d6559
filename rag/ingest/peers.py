"""The other processes that work on the same queue: what one of them left behind is taken up again.

A job belongs to the process that runs it. When that has not been seen for some looks in a row, so
long that it would have shown up again after a short outage of the database, its job waits anew. A
process that comes back later finds its job taken at its next step, and lets go of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from rag.ingest.manual import in_thread
from rag.store.job_table import JobTable
from rag.store.processes import Processes

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
_LOOKS = 3


class Peers:
    """Lives in one event loop; alone, it has nothing to do."""

    def __init__(self, processes: Processes, table: JobTable) -> None:
        self._processes = processes
        self._table = table
        self._missed: Counter[str] = Counter()

    async def keep_looking(self, work_to_do: Callable[[], None]) -> None:
        """Be seen, and take up what the dead have left, until cancelled."""
        while self._processes.is_shared:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                if await in_thread(self.look):
                    work_to_do()
            except Exception as error:
                _log.warning("the other processes cannot be seen: %s", error)

    def look(self) -> int:
        """How many jobs of dead processes wait again, since this look."""
        alive = self._processes.alive()
        missing = self._table.workers() - alive
        self._missed = Counter({name: self._missed[name] + 1 for name in missing})
        if all(looks < _LOOKS for looks in self._missed.values()):
            return 0
        spared = {name for name, looks in self._missed.items() if looks < _LOOKS}
        again = self._table.requeue(alive | spared)
        if again:
            _log.warning("%d manual(s) of a process that is gone will be read again", again)
        return again
