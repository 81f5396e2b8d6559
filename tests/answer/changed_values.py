"""Answers made from passages of the sample manuals, and the same with one value changed.

An answer states what one row or sentence of a passage says, in words of its own; a change swaps a
digit, the unit, the decimal place, or takes the value of a neighbouring row.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.answer.values import Value, find_values
from rag.types import Chunk, Language

CHANGES = ("digit", "unit", "decimal", "neighbour")
_UNITS = {
    "bar": "mm", "°C": "bar", "Nm": "kN", "mm": "°C", "h": "mm", "s": "bar", "l": "kg", "kg": "l",
    "V": "A", "A": "kW", "kW": "bar", "kN": "Nm", "%": "bar", "Hz": "Nm", "min": "mm", "m": "kg",
}  # fmt: skip
_DE = ("{label} beträgt {value} [1].", "Laut Handbuch gilt für {label}: {value} [1].",
       "Der Wert für {label} ist {value} [1].")  # fmt: skip
_EN = ("{label} is {value} [1].", "According to the manual, the value for {label} is {value} [1].",
       "For {label} the manual gives {value} [1].")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """A right answer: ``text`` holds ``value`` once. ``passages`` are what the model was shown."""

    question: str
    text: str
    value: str
    passages: tuple[Chunk, ...]
    language: Language


def statements(
    chunks: Sequence[Chunk], language: Language, random_: random.Random
) -> list[Statement]:
    """Every value of tables, schedules, steps and sentences as an answer."""
    found: list[Statement] = []
    for place, chunk in enumerate(chunks):
        if chunk.kind == "notice":
            continue
        around = [c for c in chunks[max(0, place - 2) : place + 3] if c.id != chunk.id]
        shown = (chunk, *random_.sample(around, 2))
        for question, text, value in _said(chunk, language, random_):
            found.append(Statement(question, text, value, shown, language))
    return found


def _said(
    chunk: Chunk, language: Language, random_: random.Random
) -> Iterator[tuple[str, str, str]]:
    templates = _DE if language == "de" else _EN
    if chunk.kind == "table":
        for line in chunk.text.split("\n"):
            cells = [cell.split(": ", 1) for cell in line.split(" | ")]
            if len(cells) < 2 or any(len(cell) != 2 for cell in cells):
                continue
            label = cells[0][1]
            for header, content in cells[1:]:
                values = _with_unit(content, language)
                if len(values) != 1 or len(content) > 30:
                    continue
                several = sum(bool(_with_unit(c, language)) for _, c in cells[1:]) > 1
                named = f"{label} ({header})" if several or header.startswith("Anz") else label
                asked = f"Wie hoch ist {named}?" if language == "de" else f"What is the {named}?"
                said = random_.choice(templates).format(label=named, value=values[0].written)
                yield asked, said, values[0].written
    elif chunk.kind in ("text", "procedure", "maintenance", "fault"):
        for sentence in re.split(r"(?<=[.;])\s+|\n", chunk.text):
            sentence = re.sub(r"^\d+\.\s+", "", sentence.split(" | ")[-1]).strip()
            values = _with_unit(sentence, language)
            if len(values) == 1 and 20 < len(sentence) < 200:
                asked = " ".join(chunk.heading[-1:]) + "?"
                if chunk.codes:
                    asked = f"Was bedeutet {chunk.codes[0]}?"
                yield asked, f"{sentence.rstrip('.')} [1].", values[0].written


def _with_unit(text: str, language: Language) -> list[Value]:
    return [value for value in find_values(text, language) if value.unit is not None]


def change(statement: Statement, kind: str, random_: random.Random) -> str | None:
    """The answer with its value changed; ``None`` where that kind of change cannot be made, or
    would by chance be right."""
    value = statement.value
    number = re.match(r"[\d.,]+", value)
    if number is None:
        return None
    digits, unit = number[0], value[len(number[0]) :]
    if kind == "digit":
        places = [i for i, letter in enumerate(digits) if letter.isdigit()]
        place = random_.choice(places)
        other = random_.choice([d for d in "123456789" if d != digits[place]])
        changed = digits[:place] + other + digits[place + 1 :] + unit
    elif kind == "unit":
        spelled = unit.strip()
        if spelled not in _UNITS:
            return None
        changed = digits + unit.replace(spelled, _UNITS[spelled])
    elif kind == "decimal":
        mark = "," if statement.language == "de" else "."
        if mark in digits:
            changed = digits.replace(mark, "") + unit
        elif len(digits) > 1 and digits.isdigit():
            changed = digits[:-1] + mark + digits[-1] + unit
        else:
            return None
    else:
        others = [
            other.written
            for line in statement.passages[0].text.split("\n")
            for other in _with_unit(line, statement.language)
            if value not in line
            and other.unit
            and other.written.endswith(unit.strip())
            and other.written != value
        ]
        if not others or statement.passages[0].kind not in ("table", "fault"):
            return None
        changed = random_.choice(others)
    if changed == value or _is_right(changed, statement):
        return None
    return statement.text.replace(value, changed)


def _is_right(changed: str, statement: Statement) -> bool:
    """The same quantity, written otherwise ("1,0" for "1")."""
    mine = find_values(changed, statement.language)
    theirs = find_values(statement.value, statement.language)
    return bool(mine and theirs) and (
        mine[0].readings[0] == theirs[0].readings[0] and mine[0].unit == theirs[0].unit
    )
