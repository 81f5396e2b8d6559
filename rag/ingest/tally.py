"""The report on how a manual was read, counted while its pages and chunks go by."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

from rag.types import Chunk, Language, Page, Quality


class Tally:
    """Counts pages and chunks."""

    def __init__(self) -> None:
        self._pages = self._tables = self._notices = 0
        self._scanned: dict[int, float | None] = {}
        self._unread: list[int] = []
        self._hidden: list[int] = []
        self._languages: Counter[Language] = Counter()
        self._codes: dict[str, set[str]] = {"fault": set(), "parts": set()}

    def page(self, page: Page) -> None:
        """Count one page."""
        self._pages += 1
        self._tables += len(page.tables)
        if page.source == "ocr":
            self._scanned[page.index] = page.confidence
        if page.source == "unread":
            self._unread.append(page.index)
        if page.hidden_text:
            self._hidden.append(page.index)

    def chunk(self, chunk: Chunk) -> None:
        """Count one chunk."""
        self._notices += chunk.kind == "notice"
        self._languages[chunk.language] += 1
        if chunk.kind in self._codes:
            self._codes[chunk.kind].update(chunk.codes)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be found, and nothing that a human could look into."""
        return not self._languages and not self._unread

    def quality(self, seconds: float) -> Quality:
        """The report; ``seconds`` is how long reading took."""
        certain = [sure for sure in self._scanned.values() if sure is not None]
        return Quality(
            pages=self._pages,
            ocr_pages=tuple(self._scanned),
            ocr_confidence=round(fmean(certain), 3) if certain else None,
            unread_pages=tuple(self._unread),
            hidden_text_pages=tuple(self._hidden),
            tables=self._tables,
            notices=self._notices,
            fault_codes=len(self._codes["fault"]),
            part_numbers=len(self._codes["parts"]),
            languages=tuple(sorted(self._languages)),
            seconds=round(seconds, 2),
        )
