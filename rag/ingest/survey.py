"""What only the whole manual tells: furniture, labels, headings, words. Learnt page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag.ingest.blocks import Leading
from rag.ingest.furniture import Furniture, label_candidates, page_labels
from rag.ingest.headings import (
    HeadingRules,
    LetterSizes,
    OutlineEntry,
    heading_rules,
    mark_contents,
)
from rag.ingest.layout import PageLayout
from rag.ingest.mend import Vocabulary
from rag.ingest.spool import LayoutSpool
from rag.language import detect_language, language_of_passage
from rag.types import Language

_FIRST = 3  # pages that say what the manual is
_FEW_LINES = 3  # that do not tell a page's language


@dataclass(slots=True)
class Survey:
    """What was learnt. ``pages`` are measures and labels by index; ``first`` the first pages."""

    vocabulary: Vocabulary
    language: Language
    languages: Mapping[int, Language]
    pages: dict[int, PageLayout] = field(default_factory=dict)
    first: list[PageLayout] = field(default_factory=list)
    rules: HeadingRules = field(default_factory=lambda: HeadingRules(10.0))
    leading: float = 1.3


class FirstLook:
    """What is learnt from each page while it is read; nothing of the page is kept."""

    def __init__(self) -> None:
        self.furniture = Furniture()
        self.vocabulary = Vocabulary()
        self.is_blank = True
        self._votes: Counter[Language] = Counter()

    def see(self, page: PageLayout) -> None:
        """Learn from one page as it was read."""
        self.furniture.see(page)
        self.vocabulary.see(line.text for line in page.lines)
        self.is_blank = self.is_blank and not page.lines
        if len(page.lines) > _FEW_LINES:
            self._votes[detect_language(_text(page))] += 1

    @property
    def language(self) -> Language:
        """That of most pages."""
        return self._votes.most_common(1)[0][0] if self._votes else "de"


def survey(
    spool: LayoutSpool,
    look: FirstLook,
    *,
    outline: Sequence[OutlineEntry],
    file_labels: Sequence[str],
    has_furniture: bool,
) -> Survey:
    """Three passes over the pages; afterwards those of ``spool`` come with roles and labels."""
    if has_furniture:
        for page in spool:
            look.furniture.learn(page)

    def mark(page: PageLayout) -> None:
        if has_furniture:
            look.furniture.mark(page)

    spool.prepare = mark
    sizes, leading = LetterSizes(), Leading()
    contents: list[OutlineEntry] = []
    seen: list[list[str]] = []
    languages: dict[int, Language] = {}
    known = Survey(look.vocabulary, look.language, languages)
    for page in spool:
        seen.append(label_candidates(page))
        contents.extend(mark_contents(page))
        sizes.see(page)
        leading.see(page)
        languages[page.index] = language_of_passage(_text(page), known.language)
        known.pages[page.index] = page.bare()
        known.first.extend([page] if len(known.first) < _FIRST else [])
    for bare, label in zip(known.pages.values(), page_labels(seen, file_labels), strict=True):
        bare.label = label

    def prepare(page: PageLayout) -> None:
        mark(page)
        mark_contents(page)
        page.label = known.pages[page.index].label

    spool.prepare = prepare
    known.rules = heading_rules(spool, sizes, outline, contents)
    known.leading = leading.usual
    return known


def _text(page: PageLayout) -> str:
    return " ".join(line.text for line in page.lines)
