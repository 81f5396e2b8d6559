"""The pages of a Word file: where they end, and what is printed on them as their number."""

from __future__ import annotations

from typing import Any

from rag.ingest.formats.pieces import PageBreak
from rag.ingest.formats.word_styles import W, in_figures, value


class PageLabels:
    """Counts pages as breaks come by, section by section."""

    def __init__(self, body: Any) -> None:
        self._sections: list[Any] = list(body.iter(f"{W}sectPr"))
        self._at = 0
        self._number = self._start() or 1
        self.at_start = True  # nothing stands on the page yet
        self.known = body.find(f".//{W}lastRenderedPageBreak") is not None

    @property
    def first(self) -> str:
        return self._label()

    def next_page(self) -> PageBreak:
        """A new page begins; its label counts on."""
        self._number += 1
        self.at_start = True
        return PageBreak(self._label())

    def skip_page(self) -> None:
        """A page ended within a table, which is drawn in one go."""
        self._number += 1

    def ends_section(self, paragraph: Any) -> bool:
        """Whether the paragraph is the last of its section and the next begins on a new page."""
        if paragraph.find(f"{W}pPr/{W}sectPr") is None or self._at + 1 >= len(self._sections):
            return False
        self._at += 1
        following = self._sections[self._at]
        if (start := self._start()) is not None:
            self._number = start - 1
        return (value(following.find(f"{W}type")) or "nextPage") != "continuous"

    def _start(self) -> int | None:
        numbers = self._of_section()
        start = numbers.get(f"{W}start") if numbers is not None else None
        return int(start) if start and start.isdigit() else None

    def _label(self) -> str:
        numbers = self._of_section()
        coding = numbers.get(f"{W}fmt") if numbers is not None else None
        return in_figures(self._number, coding or "decimal")

    def _of_section(self) -> Any:
        if not self._sections:
            return None
        return self._sections[self._at].find(f"{W}pgNumType")
