"""Citations and safety notices as the plain data that the elements in ``public/elements`` draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rag.messages import say, words
from rag.types import Box, Citation, Language, Notice

QUOTE_LETTERS = 320
_CARD = "card."


def source_cards(
    citations: Sequence[Citation], language: Language, pages: Mapping[str, int], heading: str
) -> dict[str, Any]:
    """Props of ``Sources.jsx``; ``pages`` is the number of pages by manual id."""
    return {
        "language": language,
        "words": {**words(_CARD, language), "sources": say(heading, language)},
        "sources": [_card(citation, pages) for citation in citations],
    }


def told_apart(props: Mapping[str, Any], citations: Sequence[Citation]) -> dict[str, Any]:
    """``props`` of ``Sources.jsx`` once the answer is there and rests on ``citations``: what was
    found besides is further. A language model reads more than it uses."""
    rests_on = {citation.n for citation in citations if not citation.further}
    cards = [{**card, "further": card["n"] not in rests_on} for card in props["sources"]]
    return {**props, "sources": cards}


def notice_boxes(
    notices: Sequence[Notice], language: Language, pages: Mapping[str, int]
) -> dict[str, Any]:
    """Props of ``Notices.jsx``: the text as on the page, its signal word apart."""
    return {
        "language": language,
        "words": words(_CARD, language),
        "notices": [
            {
                "id": notice.chunk_id,
                "signal": notice.signal.value,
                "word": notice.word,
                "text": notice.text.removeprefix(notice.word).strip(),
                "language": notice.language,
                "place": {
                    "manual": notice.manual_id,
                    "title": notice.title,
                    "page": notice.page,
                    "last": notice.page,
                    "label": notice.label,
                    "pages": pages.get(notice.manual_id, 0),
                    "boxes": shares(notice.boxes),
                },
            }
            for notice in notices
        ],
    }


def _card(citation: Citation, pages: Mapping[str, int]) -> dict[str, Any]:
    return {
        "n": citation.n,
        "further": citation.further,
        "machine": citation.machine,
        "revision": citation.revision,
        "section": " › ".join(citation.heading),
        "quote": shortened(citation.quote),
        "language": citation.language,
        "place": place_of(citation, pages),
    }


def place_of(citation: Citation, pages: Mapping[str, int]) -> dict[str, Any]:
    """Where the page viewer opens a citation, and what it marks there."""
    return {
        "manual": citation.manual_id,
        "title": citation.title,
        "page": citation.page,
        "last": citation.last_page,
        "label": citation.label,
        "pages": pages.get(citation.manual_id, 0),
        "boxes": shares(citation.boxes),
    }


def shortened(quote: str, letters: int = QUOTE_LETTERS) -> str:
    """``quote`` on one line, cut at a word when it is longer than ``letters``."""
    line = " ".join(quote.split())
    if len(line) <= letters:
        return line
    return line[:letters].rsplit(" ", 1)[0] + " …"


def shares(boxes: Sequence[Box]) -> list[dict[str, float]]:
    """Boxes in fractions of their page, to four places."""
    return [
        {"page": box.page, **{name: round(getattr(box, name), 4) for name in _SIDES}}
        for box in boxes
    ]


_SIDES = ("x0", "y0", "x1", "y1")
