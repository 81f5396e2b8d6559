"""The heading tree, from numbering and letter size, checked against outline and contents."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rag.ingest.layout import Line, PageLayout

_NUMBERED = re.compile(
    r"^(?:(?:Kapitel|Chapter|Anhang|Appendix|Abschnitt|Section)\s+)?"
    r"(?P<number>\d{1,2}(?:\.\d{1,3}){0,4}|[A-Z](?:\.\d{1,2}){1,3})\.?\s+(?=[^\W\d_]|[\"„“(])"
)
_CONTENTS_ENTRY = re.compile(
    r"^(?P<title>.*?[^\s.·…_])[\s.·…_]{4,}\s*(?P<label>[ivxlcdm]{1,7}|[A-Z]?\d{0,3}[-–/]?\d{1,4})$"
)
# A narrow column of numbers leaves no blank: "5.10Updates".
_CONTENTS_NUMBER = re.compile(r"^(?P<number>\d{1,2}(?:\.\d{1,3}){1,4})(?=[^\W\d_]|[\[(\"„“])")
_CONTENTS_TITLE = re.compile(
    r"^(?:inhalt|inhaltsverzeichnis|(?:table of )?contents)$", re.IGNORECASE
)
_LARGER = 1.07  # than the body's letters


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """An entry of the PDF's outline or of the printed contents. ``level`` starts at 1."""

    level: int
    title: str


@dataclass(slots=True)
class HeadingRules:
    """What a heading looks like in this manual."""

    body_size: float
    known: dict[str, int] = field(default_factory=dict)  # normalised title → level
    numbered_known: bool = False
    level_of_size: dict[float, int] = field(default_factory=dict)
    deepest: int = 0

    def is_larger(self, line: Line, body_size: float = 0.0) -> bool:
        """Whether the letters of ``line`` are those of a heading."""
        return line.size >= _LARGER * (body_size or self.body_size)

    def is_listed(self, line: Line) -> bool:
        """Whether the outline or the contents name ``line``."""
        return normal(line.text) in self.known

    def level(self, line: Line, body_size: float = 0.0) -> int | None:
        """1 for a chapter, 2 for a section …; None when ``line`` is no heading. ``body_size`` is
        given for a scanned page, whose sizes cannot be compared with those of other pages."""
        if line.role != "body" or len(line.text) > 140:
            return None
        larger = self.is_larger(line, body_size)
        listed = self.known.get(normal(line.text))
        if listed is not None and (larger or line.bold):
            return listed
        numbered = _NUMBERED.match(line.text)
        if numbered and (larger or line.bold):
            depth = numbered["number"].count(".") + 1
            if self.numbered_known and depth <= self.deepest and not larger:
                return None  # a bold step or a list, not in the contents
            return depth
        if larger and not re.search(r"[.,;]$", line.text) and len(line.text) > 1:
            return self.level_of_size.get(round(line.size, 1), max(self.deepest, 1) + 1)
        return None


def is_numbered(text: str) -> bool:
    """Whether ``text`` begins like a numbered heading ("3.1 Aufbau")."""
    return bool(_NUMBERED.match(text))


def normal(title: str) -> str:
    """A title in the form in which two printings of it are equal."""
    return re.sub(r"[\W_]+", "", title).casefold()


def mark_contents(page: PageLayout) -> list[OutlineEntry]:
    """Give lines of the printed table of contents the role "contents"; return their entries."""
    entries: list[OutlineEntry] = []
    found = [
        (line, match)
        for line in page.lines
        if line.role == "body" and (match := _CONTENTS_ENTRY.match(line.text))
    ]
    if len(found) < 4:
        return []
    edges = sorted({round(line.rect[0]) for line, _ in found})
    for line, match in found:
        line.role = "contents"
        numbered = _NUMBERED.match(match["title"]) or _CONTENTS_NUMBER.match(match["title"])
        indent = sum(edge < line.rect[0] - 4 for edge in edges)
        level = numbered["number"].count(".") + 1 if numbered else 1 + min(indent, 3)
        entries.append(OutlineEntry(level, match["title"].strip()))
    for line in page.lines:
        if line.role == "body" and _CONTENTS_TITLE.match(line.text.strip()):
            line.role = "contents"
    return entries


class LetterSizes:
    """How much text is set in which size: on pages with text of their own, else on scanned ones,
    whose sizes are measured from ink."""

    def __init__(self) -> None:
        self._typeset: Counter[float] = Counter()
        self._scanned: Counter[float] = Counter()

    def see(self, page: PageLayout) -> None:
        """Count the body's lines; roles must be set."""
        sizes = self._typeset if page.source == "text" else self._scanned
        for line in page.lines:
            if line.role == "body":
                sizes[round(line.size, 1)] += len(line.text)

    def measures(self, page: PageLayout) -> bool:
        """Whether the sizes of ``page`` count in this manual."""
        return page.source == "text" or not self._typeset

    @property
    def body(self) -> float:
        sizes = self._typeset or self._scanned
        return sizes.most_common(1)[0][0] if sizes else 10.0


def heading_rules(
    pages: Iterable[PageLayout],
    sizes: LetterSizes,
    outline: Sequence[OutlineEntry],
    contents: Sequence[OutlineEntry],
) -> HeadingRules:
    """Learn the manual's headings in one pass: the listed titles, a level for each size."""
    rules = HeadingRules(sizes.body)
    for entry in (*contents, *outline):
        rules.known.setdefault(normal(entry.title), entry.level)
    rules.known.pop("", None)
    listed = [entry for entry in (*contents, *outline) if _NUMBERED.match(entry.title)]
    rules.numbered_known = len(listed) >= 5
    rules.deepest = max((entry.level for entry in (*contents, *outline)), default=0)
    _learn_sizes(rules, (page for page in pages if sizes.measures(page)))
    return rules


def _learn_sizes(rules: HeadingRules, pages: Iterable[PageLayout]) -> None:
    votes: dict[float, Counter[int]] = defaultdict(Counter)
    larger: set[float] = set()
    for line in (line for page in pages for line in page.lines if line.role == "body"):
        size = round(line.size, 1)
        if size < _LARGER * rules.body_size:
            continue
        larger.add(size)
        listed = rules.known.get(normal(line.text))
        numbered = _NUMBERED.match(line.text)
        if listed is not None:
            votes[size][listed] += 2
        elif numbered:
            votes[size][numbered["number"].count(".") + 1] += 1
    for size, counted in votes.items():
        rules.level_of_size[size] = counted.most_common(1)[0][0]
    if not votes:
        for level, size in enumerate(sorted(larger, reverse=True), start=1):
            rules.level_of_size[size] = min(level, 4)
        return
    for size in larger - votes.keys():
        nearest = min(rules.level_of_size, key=lambda known: abs(known - size))
        rules.level_of_size[size] = rules.level_of_size[nearest]
    rules.deepest = max(rules.deepest, *rules.level_of_size.values())
