"""Page layouts put aside on disk: what passes over a manual goes page by page, in flat memory."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterator

from rag.ingest.layout import PageLayout


class LayoutSpool:
    """Layouts in the order of the pages, read again as often as needed.

    ``prepare`` is called on each layout that is read: it gives lines the roles that only the
    whole manual tells. The file has no name: whatever ends the process, nothing is left of it.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by ``close``)
        self._count = 0
        self.prepare: Callable[[PageLayout], None] = lambda layout: None

    def append(self, layout: PageLayout) -> None:
        """Put one more page aside. Raises ``OSError`` when the disk is full."""
        pickle.dump(layout, self._file, pickle.HIGHEST_PROTOCOL)
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[PageLayout]:
        """Fresh layouts, each its own copy. One iteration at a time."""
        self._file.seek(0)
        for _ in range(self._count):
            layout: PageLayout = pickle.load(self._file)  # noqa: S301 (written by ``append``)
            self.prepare(layout)
            yield layout

    def close(self) -> None:
        self._file.close()
