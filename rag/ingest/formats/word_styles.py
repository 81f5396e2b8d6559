"""What Word's styles and lists say of a paragraph: headings, hidden text, numbers."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"^(?:heading|überschrift)\s*(\d)$", re.IGNORECASE)
_CONTENTS = re.compile(r"^(?:toc|verzeichnis)\s*(\d)$", re.IGNORECASE)
_LEVELS = 9
_DEEPEST = 12  # styles based on styles
_BULLETS = frozenset(("bullet", "none"))


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """``heading``: level, 0 for the title, None for text. ``contents``: level of an entry."""

    heading: int | None = None
    contents: int = 0
    bold: bool = False
    hidden: bool = False
    shaded: bool = False
    framed: bool = False
    page_break_before: bool = False
    numbering: tuple[str, int] | None = None  # id of the list, level from 0


def value(element: Any) -> str | None:
    """The ``w:val`` of an element, None without either."""
    return None if element is None else element.get(f"{W}val")


def is_on(element: Any) -> bool | None:
    """A switch such as ``w:b``; None when it is not there."""
    if element is None:
        return None
    return (value(element) or "1").lower() not in ("0", "false", "off", "none")


class Styles:
    """The styles of one document."""

    def __init__(self, part: Any) -> None:
        self._by_id: dict[str, Any] = {}
        self._default = ""
        for style in part.styles.element.iter(f"{W}style"):
            name = style.get(f"{W}styleId") or ""
            self._by_id[name] = style
            if style.get(f"{W}type") == "paragraph" and style.get(f"{W}default") in ("1", "true"):
                self._default = name
        self._named = cache(self._read)

    def of_paragraph(self, paragraph: Any) -> ParagraphStyle:
        """The paragraph's style with what the paragraph itself says."""
        own = paragraph.find(f"{W}pPr")
        name = value(own.find(f"{W}pStyle")) if own is not None else None
        style: ParagraphStyle = self._named(name or self._default)
        return style if own is None else _with(style, own, None)

    def is_bold(self, properties: Any, style: ParagraphStyle) -> bool:
        """Of a run: its own word, else its character style's, else the paragraph's."""
        if properties is None:
            return style.bold
        own = is_on(properties.find(f"{W}b"))
        named = value(properties.find(f"{W}rStyle"))
        if own is None and named in self._by_id:
            own = is_on(self._by_id[named].find(f"{W}rPr/{W}b"))
        return style.bold if own is None else own

    def has_bold_first_row(self, table: Any) -> bool:
        """Whether the table's style sets its first row apart, and the table uses that."""
        properties = table.find(f"{W}tblPr")
        if properties is None:
            return False
        look = properties.find(f"{W}tblLook")
        used = look is not None and (
            look.get(f"{W}firstRow") in ("1", "true")
            or int(look.get(f"{W}val") or "0", 16) & 0x20 > 0
        )
        style = self._by_id.get(value(properties.find(f"{W}tblStyle")) or "")
        if not used or style is None:
            return False
        return any(
            part.get(f"{W}type") == "firstRow" and is_on(part.find(f"{W}rPr/{W}b"))
            for part in style.iter(f"{W}tblStylePr")
        )

    def _read(self, name: str) -> ParagraphStyle:
        """The named style over those that it is based on."""
        chain: list[Any] = []
        while name in self._by_id and len(chain) < _DEEPEST:
            chain.append(self._by_id[name])
            name = value(self._by_id[name].find(f"{W}basedOn")) or ""
        style = ParagraphStyle()
        for element in reversed(chain):
            said = (value(element.find(f"{W}name")) or "").strip()
            own = element.find(f"{W}pPr")
            style = _with(style, own, element.find(f"{W}rPr"))
            style = _named_role(style, said)
        return style


def _named_role(style: ParagraphStyle, name: str) -> ParagraphStyle:
    from dataclasses import replace

    if found := _HEADING.match(name):
        return replace(style, heading=max(1, int(found[1])))
    if found := _CONTENTS.match(name):
        return replace(style, heading=None, contents=max(1, int(found[1])))
    return replace(style, heading=0) if name.lower() in ("title", "titel") else style


def _with(style: ParagraphStyle, own: Any, runs: Any) -> ParagraphStyle:
    """``style`` with what the properties ``own`` (of paragraphs) and ``runs`` add to it."""
    from dataclasses import replace

    changes: dict[str, Any] = {}
    if own is not None:
        level = value(own.find(f"{W}outlineLvl"))
        if level and level.isdigit():
            changes["heading"] = int(level) + 1 if int(level) < _LEVELS else None
        if own.find(f"{W}shd") is not None:
            changes["shaded"] = True
        borders = own.find(f"{W}pBdr")
        if borders is not None:
            changes["framed"] = len(borders) >= 3
        if (breaks := is_on(own.find(f"{W}pageBreakBefore"))) is not None:
            changes["page_break_before"] = breaks
        list_of = own.find(f"{W}numPr")
        if list_of is not None:
            changes["numbering"] = _list_of(list_of, style)
    if runs is not None:
        for name, tag in (("bold", "b"), ("hidden", "vanish")):
            if (switch := is_on(runs.find(f"{W}{tag}"))) is not None:
                changes[name] = switch
    return replace(style, **changes) if changes else style


def _list_of(properties: Any, style: ParagraphStyle) -> tuple[str, int] | None:
    number = value(properties.find(f"{W}numId"))
    level = value(properties.find(f"{W}ilvl"))
    before = style.numbering or ("", 0)
    chosen = before[0] if number is None else number
    depth = int(level) if level and level.isdigit() else before[1] if number is None else 0
    return (chosen, min(depth, _LEVELS - 1)) if chosen not in ("", "0") else None


class Numbering:
    """Counts the lists of one document, as Word does while it lays the text out."""

    def __init__(self, part: Any) -> None:
        from docx.opc.constants import RELATIONSHIP_TYPE

        self._lists: dict[str, Any] = {}
        self._shared: dict[str, str] = {}
        self._counts: dict[str, list[int]] = defaultdict(lambda: [-1] * _LEVELS)
        try:
            root = part.part_related_by(RELATIONSHIP_TYPE.NUMBERING).element
        except (KeyError, AttributeError):
            return
        shapes = {
            shape.get(f"{W}abstractNumId"): shape for shape in root.findall(f"{W}abstractNum")
        }
        for number in root.findall(f"{W}num"):
            shape = value(number.find(f"{W}abstractNumId")) or ""
            name = number.get(f"{W}numId") or ""
            if shape in shapes:
                self._lists[name] = shapes[shape]
                restarts = number.find(f".//{W}startOverride") is not None
                self._shared[name] = f"own {name}" if restarts else shape

    def next(self, paragraph: Any, style: ParagraphStyle) -> tuple[str, int]:
        """("3.1", depth) for the paragraph, ("•", depth) for a bullet, ("", 0) without a list."""
        del paragraph
        if style.numbering is None or style.numbering[0] not in self._lists:
            return "", 0
        name, level = style.numbering
        levels = {entry.get(f"{W}ilvl"): entry for entry in self._lists[name].findall(f"{W}lvl")}
        shape = levels.get(str(level))
        if shape is None:
            return "", 0
        if (value(shape.find(f"{W}numFmt")) or "decimal") in _BULLETS:
            return "•", level
        counts = self._counts[self._shared[name]]
        for place in range(level + 1):
            start = value(levels[str(place)].find(f"{W}start")) if str(place) in levels else "1"
            first = int(start) if start and start.isdigit() else 1
            if counts[place] < 0:
                counts[place] = first
            elif place == level:
                counts[place] += 1
        counts[level + 1 :] = [-1] * (_LEVELS - level - 1)
        pattern = value(shape.find(f"{W}lvlText")) or f"%{level + 1}."
        plain_figures = is_on(shape.find(f"{W}isLgl")) or False

        def figure(found: re.Match[str]) -> str:
            place = int(found[1]) - 1
            entry = levels.get(str(place))
            coding = (
                "decimal" if entry is None or plain_figures else value(entry.find(f"{W}numFmt"))
            )
            return in_figures(max(counts[place], 0), coding or "decimal")

        return re.sub(r"%([1-9])", figure, pattern).strip(), level


def in_figures(number: int, coding: str) -> str:
    """``number`` as Word's format ``coding`` writes it ("lowerRoman": "iv")."""
    if coding in ("lowerLetter", "upperLetter") and number > 0:
        text = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return text if coding == "lowerLetter" else text.upper()
    if coding in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        text, rest = "", number
        for worth, sign in (
            (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
            (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
        ):  # fmt: skip
            text, rest = text + sign * (rest // worth), rest % worth
        return text if coding == "lowerRoman" else text.upper()
    if coding == "decimalZero":
        return f"{number:02}"
    return str(number)
