"""What a manual says of itself: title, machine, type, revision, from metadata and first pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from rag.ingest.layout import Line, PageLayout

_TYPE = re.compile(
    r"(?:Original)?(?:betriebs|bedienungs|wartungs|montage|service|installations)"
    r"(?:- und (?:wartungs|bedienungs|montage))?(?:anleitung|handbuch)|Ersatzteil(?:liste|katalog)|"
    r"(?:operat(?:ing|or'?s?|ion)|maintenance|service|instruction|user|owner'?s|installation|"
    r"workshop|repair)(?: and (?:maintenance|operating|service))?"
    r" (?:instructions?|manual|guide|handbook)|(?:spare )?parts (?:list|catalog(?:ue)?)|"
    r"Technisches Datenblatt|data ?sheet",
    re.IGNORECASE,
)
_REVISION = re.compile(
    r"\b(?:Rev(?:ision)?\.?|Version|Ausgabe|Edition|Issue|Stand)\s*[:.]?\s*"
    r"(?P<value>[A-Z]?\d[\w./-]*|[A-Z]\b)",
    re.IGNORECASE,
)
# "SK 37", "HP-160", "XC200S": letters, then figures.
_DESIGNATION = re.compile(r"\b[A-Z]{1,5}[A-Za-z]{0,3}[ -]?\d{2,5}(?:[-/ ]?[A-Z0-9]{1,4})?\b")
_USELESS_TITLE = re.compile(
    r"^(?:untitled|unbenannt|microsoft word|document\d*|dokument\d*|.*\.(?:docx?|indd|pdf|fm))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Guess:
    """What was found; "" where nothing was."""

    title: str = ""
    machine: str = ""
    type: str = ""
    revision: str = ""


def guess(pages: Sequence[PageLayout], metadata: Mapping[str, str], file_name: str) -> Guess:
    """Read the first three pages and the file's metadata. The admin may correct all of it."""
    lines = [line for page in pages[:3] for line in page.lines if line.role != "furniture"]
    first = [line for line in (pages[0].lines if pages else []) if line.role != "furniture"]
    named = metadata.get("Title", "").strip()
    title = "" if _USELESS_TITLE.match(named) else named
    largest = _largest_text(first)
    title = title or largest or PurePath(file_name).stem
    text = "\n".join(line.text for line in lines)
    kind = _TYPE.search(f"{metadata.get('Subject', '')}\n{text}\n{title}")
    revision = _REVISION.search(text) or _REVISION.search(title)
    return Guess(
        title=title[:200],
        machine=_machine(largest, title, text)[:120],
        type=kind.group() if kind else "",
        revision=revision["value"].rstrip(".") if revision else "",
    )


def _largest_text(lines: Sequence[Line]) -> str:
    if not lines:
        return ""
    size = max(line.size for line in lines)
    return " ".join(line.text for line in lines if line.size > size - 0.6)[:200]


def _machine(largest: str, title: str, text: str) -> str:
    """The first of these that names a type designation: cover's largest print, title, text."""
    for candidate in (largest, title):
        if _DESIGNATION.search(candidate):
            rest = _TYPE.sub("", candidate)
            return re.sub(r"\s+", " ", rest).strip(" -–,:·")
    found = _DESIGNATION.search(text)
    return found.group() if found else ""
