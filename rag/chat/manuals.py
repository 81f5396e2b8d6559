"""``/manuals``: shows admins the library. What it lists comes from ``rag.api.manual_routes``."""

from __future__ import annotations

import chainlit as cl

from rag.ingest.open import SUFFIXES
from rag.messages import catalogue, say
from rag.types import Language

# The button shows the command itself, so it comes in the user's language.
MANUALS = frozenset(catalogue()["manuals.title"].values())
_WORDS = "manuals."
_OTHER_NAMES = (".htm", ".jpeg", ".tif", ".markdown")


def manuals_command(language: Language) -> dict[str, object]:
    """The button in the input of an admin."""
    return {
        "id": say("manuals.title", language),
        "description": say("manuals.command", language),
        "icon": "library",
        "button": True,
    }


def manuals_starter(language: Language) -> cl.Starter:
    """The entry on the first screen of an admin."""
    label, command = say("manuals.command", language), say("manuals.title", language)
    return cl.Starter(label=label, message=label, command=command, icon="/public/icons/library.svg")


async def show_manuals(language: Language, max_upload_mb: int) -> None:
    """Send the three elements. They hold words only: what they list is fetched anew, each time
    with the cookie of whoever looks, also when an old chat is opened again."""
    props = {
        "language": language,
        "words": manual_words(language),
        "limit_mb": max_upload_mb,
        "accept": ",".join(SUFFIXES),
        "formats": formats(),
    }
    message = await cl.Message(content="").send()
    for name in (
        "ManualUpload",
        "Manuals",
        "ManualWords",
    ):  # one after the other: in this order on the page
        await cl.CustomElement(name=name, props=props).send(for_id=message.id)


def formats() -> str:
    """The kinds of files for people's eyes: "PDF, DOCX, …", each by one of its names."""
    return ", ".join(one[1:].upper() for one in SUFFIXES if one not in _OTHER_NAMES)


def manual_words(language: Language) -> dict[str, str]:
    """The words of the elements; ``{placeholders}`` are filled in the browser."""
    return {
        key.removeprefix(_WORDS): text[language]
        for key, text in catalogue().items()
        if key.startswith(_WORDS)
    }
