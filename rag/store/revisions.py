"""What a new revision does to those that are there: replace them, stand behind them, or wait.

One rule for the upload form, which says so before anything is sent, and for the moment when a
manual is published.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from rag.types import Manual, ManualStatus

Effect = Literal["alone", "beside", "replaces", "older", "later"]

_LETTER = re.compile(r"[a-z]")
_NUMBERS = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,3}")
_MONTH = re.compile(r"(?P<month>\d{1,2})[/.](?P<year>(?:19|20)\d\d)")
_YEARS = range(1900, 2100)


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a manual and of the ``others`` that are active, oldest upload first.

    "alone" and "beside": it is active and nothing else changes. "replaces": it is active and the
    others are superseded in the same instant. "older": they stay, and it is kept as superseded.
    "later": it waits for the day it is valid from, and is judged anew then.
    """

    effect: Effect
    others: tuple[Manual, ...] = ()


def plan(manual: Manual, known: Sequence[Manual], today: str) -> Plan:
    """What ``manual`` does to the ``known`` ones. ``today`` is an ISO date."""
    others = other_revisions(manual, known)
    if day_of(manual.valid_from) > today:
        return Plan("later", others)
    if not others:
        beside = tuple(one for one in _of_the_same(manual, known) if one.machine)
        return Plan("beside", beside) if beside else Plan("alone")
    if manual.replaces == "yes":
        return Plan("replaces", others)
    is_behind = manual.replaces == "no" or any(is_older(manual, other) for other in others)
    return Plan("older" if is_behind else "replaces", others)


def other_revisions(manual: Manual, known: Sequence[Manual]) -> tuple[Manual, ...]:
    """Active revisions that ``manual`` could stand for, oldest upload first. What the metadata
    leaves open supersedes nothing: a manual must never vanish by a guess."""
    if not (manual.machine and manual.type and manual.revision):
        return ()
    return tuple(one for one in _of_the_same(manual, known) if one.revision != manual.revision)


def _of_the_same(manual: Manual, known: Sequence[Manual]) -> list[Manual]:
    wanted = (manual.machine, manual.type, manual.language)
    found = [
        one
        for one in known
        if one.status is ManualStatus.ACTIVE
        and one.id != manual.id
        and (one.machine, one.type, one.language) == wanted
    ]
    return sorted(found, key=lambda one: one.uploaded_at)


def newest(manuals: Sequence[Manual]) -> Manual:
    """The one that should answer: the last upload that is not older than another."""
    first, *rest = sorted(manuals, key=lambda one: one.uploaded_at)
    for one in rest:
        first = first if is_older(one, first) else one
    return first


def is_older(one: Manual, other: Manual) -> bool:
    """Whether ``one`` is an earlier revision than ``other``, by the days they are valid from, or
    else by their numbers. False when neither tells."""
    day, other_day = day_of(one.valid_from), day_of(other.valid_from)
    if day and other_day and day != other_day:
        return day < other_day
    kind, steps = _steps(one.revision)
    other_kind, other_steps = _steps(other.revision)
    return bool(kind) and kind == other_kind and steps < other_steps


def day_of(text: str) -> str:
    """``text`` when it is an ISO date ("2026-01-31"), or ""."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _steps(revision: str) -> tuple[str, tuple[int, ...]]:
    """A revision as numbers that can be compared within one kind; kind "" for all others.

    "B", "4.2", "2024" and "03/2024" are of four kinds: a year is not compared with a version.
    """
    plain = revision.strip().casefold()
    if _LETTER.fullmatch(plain):
        return "letter", (ord(plain),)
    if found := _MONTH.fullmatch(plain):
        return "month", (int(found["year"]), int(found["month"]))
    if _NUMBERS.fullmatch(plain):
        steps = tuple(int(step) for step in plain.split("."))
        return ("year" if len(steps) == 1 and steps[0] in _YEARS else "number"), steps
    return "", ()
