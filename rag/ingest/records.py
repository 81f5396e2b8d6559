"""Rows of a table as text that can be read, found and quoted without the table around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.codes import find_fault_codes, fold_code
from rag.ingest.intervals import interval_in_words, is_cross, is_interval
from rag.ingest.tables import Row, WholeTable
from rag.types import Box, ChunkKind, Language

_ROWS_LIMIT = 900  # characters of a chunk of several rows

_FAULT_CODE_HEADER = re.compile(
    r"^(?:code|(?:fehler|störungs?|stör|alarm|warn|melde?|fault|error|alarm|message|trip)"
    r"[- ]?(?:code|nr\.?|nummer|no\.?|number|id)?)\b",
    re.IGNORECASE,
)
_CAUSE_OR_REMEDY = re.compile(
    r"ursache|abhilfe|maßnahme|massnahme|behebung|beseitigung|störung|meldung|"
    r"cause|remed|action|correct|fault|message|meaning|bedeutung",
    re.IGNORECASE,
)
_PART_HEADER = re.compile(
    r"(?:artikel|teile|bestell|sach|ersatzteil|material|ident|art\.?)[-\s.]*(?:nr|nummer|no)|"
    r"(?:part|order|item|article|spare|stock)s?[-\s]*(?:no|num|number|n°|#)|^p/n$",
    re.IGNORECASE,
)
_INTERVAL_HEADER = re.compile(
    r"^(?:wartungs|prüf)?(?:intervall|frist|häufigkeit)|^(?:maintenance |service )?interval|"
    r"^frequency|^turnus|^zyklus|^period(?:icity)?$",
    re.IGNORECASE,
)
_UNIT_HEADER = re.compile(r"^(?:maß)?einheit(?:en)?$|^units?$", re.IGNORECASE)
_PLAIN_CODE = re.compile(r"[A-Za-z]{0,4}[-\s]?\d{1,5}(?:[.-]\d{1,3})?")


@dataclass(slots=True)
class Record:
    """Text of one or more rows, with the boxes of those rows."""

    kind: ChunkKind
    text: str
    boxes: list[Box]
    codes: tuple[str, ...] = ()
    pages: list[int] = field(default_factory=list)


def records_of(table: WholeTable, language: Language) -> list[Record]:
    """One record a fault code, part or maintenance task; other tables in groups of rows."""
    header = table.header
    if (column := _fault_column(table)) is not None:
        return list(_by_code(table, column, "fault"))
    if (column := _first(header, _PART_HEADER)) is not None:
        return list(_by_code(table, column, "parts"))
    crossed = [c for c in range(len(header)) if _is_cross_column(table, c)]
    if crossed:
        return [_task(row, header, crossed, language) for row in table.rows]
    if (column := _first(header, _INTERVAL_HEADER)) is not None and len(header) > 1:
        return [_record("maintenance", [row], _labelled(header, row)) for row in table.rows]
    if sum(bool(_CAUSE_OR_REMEDY.search(name)) for name in header) >= 2:
        return [_record("fault", [row], _labelled(header, row)) for row in table.rows]
    return list(_in_groups(table))


def _first(header: Sequence[str], pattern: re.Pattern[str]) -> int | None:
    return next((c for c, name in enumerate(header) if pattern.search(name)), None)


def _fault_column(table: WholeTable) -> int | None:
    """The column of the fault codes, if this is a fault table."""
    if not table.rows or not any(_CAUSE_OR_REMEDY.search(name) for name in table.header):
        return None
    for column, name in enumerate(table.header):
        cells = [row.cells[column] for row in table.rows if row.cells[column]]
        if not cells:
            continue
        named = bool(_FAULT_CODE_HEADER.match(name))
        coded = sum(bool(find_fault_codes(cell)) and len(cell) < 16 for cell in cells)
        plain = sum(bool(_PLAIN_CODE.fullmatch(cell)) for cell in cells)
        if coded >= 0.8 * len(cells) or (named and plain >= 0.8 * len(cells)):
            return column
    return None


def _by_code(table: WholeTable, column: int, kind: ChunkKind) -> Iterator[Record]:
    """One record for each code; further rows of the same code are added to it."""
    groups: dict[str, list[Row]] = {}
    for number, row in enumerate(table.rows):
        code = row.cells[column].strip()
        groups.setdefault(fold_code(code) or f"#{number}", []).append(row)
    for rows in groups.values():
        text = _labelled(table.header, rows[0])
        shared = rows[0].cells
        for row in rows[1:]:
            fresh = [
                cell if cell != known else "" for cell, known in zip(row.cells, shared, strict=True)
            ]
            text += "\n" + _labelled(table.header, Row(fresh, row.own, row.boxes, row.page))
        code = rows[0].cells[column].strip()
        yield _record(kind, rows, text.strip(), (code,) if re.search(r"\d", code) else ())


def _record(kind: ChunkKind, rows: Sequence[Row], text: str, codes: tuple[str, ...] = ()) -> Record:
    boxes = list(dict.fromkeys(box for row in rows for box in row.boxes))
    return Record(kind, text, boxes, codes, [box.page for box in boxes])


def _labelled(header: Sequence[str], row: Row) -> str:
    """``"Code: E-104 | Störung: … | Abhilfe: …"``; a unit stands behind its value."""
    unit_column = _first(header, _UNIT_HEADER)
    unit = row.cells[unit_column].strip() if unit_column is not None else ""
    if unit in ("-", "–", "—"):
        unit = ""
    parts = [row.group] if row.group else []
    for column, (name, cell) in enumerate(zip(header, row.cells, strict=True)):
        if column == unit_column or not cell:
            continue
        numeric = (
            unit and column > 0 and re.search(r"[\d½¼¾⅓⅔⅛⅜⅝⅞]", cell) and not cell.endswith(unit)
        )
        value = f"{cell} {unit}" if numeric else cell
        parts.append(f"{name}: {value}" if name else value)
    if unit and not any(unit in part for part in parts[1:]):
        parts.append(unit)
    return " | ".join(parts)


def _is_cross_column(table: WholeTable, column: int) -> bool:
    """A column of a maintenance matrix: an interval above, crosses or nothing below."""
    cells = [row.cells[column].strip() for row in table.rows]
    marked = [cell for cell in cells if cell and cell not in ("-", "–", "—")]
    return (
        bool(marked)
        and all(is_cross(cell) for cell in marked)
        and is_interval(table.header[column])
    )


def _task(row: Row, header: Sequence[str], crossed: Sequence[int], language: Language) -> Record:
    """``"Ölfilter wechseln: alle 2.000 h | Abschnitt: 7.4"``."""
    intervals = [
        interval_in_words(header[column], language)
        for column in crossed
        if is_cross(row.cells[column])
    ]
    others = [c for c in range(len(header)) if c not in crossed and row.cells[c]]
    words = [c for c in others if re.search(r"[^\W\d_]{3}", row.cells[c])]
    main = words[0] if words else (others[0] if others else 0)
    text = row.cells[main]
    if intervals:
        text += ": " + ", ".join(intervals)
    parts = [f"{header[c]}: {row.cells[c]}" if header[c] else row.cells[c]
             for c in others if c != main]  # fmt: skip
    if row.group:
        parts.insert(0, row.group)
    return _record("maintenance", [row], " | ".join([text, *parts]))


def _in_groups(table: WholeTable) -> Iterator[Record]:
    """Rows together up to the limit, each with the header's names, under the table's title."""
    title = [table.title] if table.title else []
    rows: list[Row] = []
    lines: list[str] = []
    for row in table.rows:
        line = _labelled(table.header, row)
        if lines and sum(map(len, [*title, *lines])) + len(line) > _ROWS_LIMIT:
            yield _record("table", rows, "\n".join([*title, *lines]))
            rows, lines = [], []
        rows.append(row)
        lines.append(line)
    if lines:
        yield _record("table", rows, "\n".join([*title, *lines]))
