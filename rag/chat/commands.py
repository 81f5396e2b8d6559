"""What admins can call up in the chat besides asking: one menu in the input, a board for each.

The boards hold words only: what they list is fetched anew, each time with the cookie of whoever
looks, also when an old chat is opened again. Their routes are those under ``/api/admin``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import chainlit as cl

from rag.access.api_keys import DEFAULT_DAYS, LONGEST_DAYS, NAME_LETTERS, ApiScope
from rag.chat.door import Door
from rag.chat.upload import receive_manual
from rag.ingest.open import SUFFIXES
from rag.messages import catalogue, say, words
from rag.types import Language

_OTHER_NAMES = (".htm", ".jpeg", ".tif", ".markdown")


@dataclass(frozen=True, slots=True)
class Command:
    """An entry of the menu; its texts are the messages ``name.title`` and ``name.command``."""

    name: str
    icon: str
    run: Callable[[Language], Awaitable[None]]

    def title(self, language: Language) -> str:
        return say(f"{self.name}.title", language)

    def entry(self, language: Language) -> dict[str, object]:
        """As Chainlit's page wants it. It shows the id, which so comes in the user's language."""
        about = say(f"{self.name}.command", language)
        return {"id": self.title(language), "description": about, "icon": self.icon}

    def starter(self, language: Language) -> cl.Starter:
        """The same on the first screen."""
        about = say(f"{self.name}.command", language)
        icon = f"/public/icons/{self.icon}.svg"
        return cl.Starter(label=about, message=about, command=self.title(language), icon=icon)

    def is_called(self, typed: str) -> bool:
        """Whether the page's command is this one, in either language."""
        titles = catalogue()[f"{self.name}.title"].values()
        return typed.casefold() in {title.casefold() for title in titles}


def admin_commands(door: Door) -> tuple[Command, ...]:
    """The menu from top to bottom; the library comes first."""
    library = {
        "limit_mb": door.services.settings.max_upload_mb,
        "accept": ",".join(SUFFIXES),
        "formats": formats(),
    }
    keys = {
        "scopes": [scope.value for scope in ApiScope],
        "days": DEFAULT_DAYS,
        "longest_days": LONGEST_DAYS,
        "name_letters": NAME_LETTERS,
    }
    manuals = ("ManualUpload", "Manuals", "ManualWords")
    return (
        Command("manuals", "library", partial(_show, "manuals", manuals, library)),
        Command("upload", "book-up", partial(receive_manual, door)),
        Command("model", "brain", partial(_show, "model", ("LanguageModel",), {})),
        Command("keys", "key-round", partial(_show, "keys", ("Keys",), keys)),
    )


def formats() -> str:
    """The kinds of files for people's eyes: "PDF, DOCX, …", each by one of its names."""
    return ", ".join(one[1:].upper() for one in SUFFIXES if one not in _OTHER_NAMES)


async def _show(
    name: str, elements: tuple[str, ...], values: dict[str, object], language: Language
) -> None:
    """Send elements of ``public/elements``, one below the other, with all messages ``name.…``."""
    props = {"language": language, "words": words(f"{name}.", language), **values}
    message = await cl.Message(content="").send()
    for element in elements:  # one after the other: in this order on the page
        await cl.CustomElement(name=element, props=props).send(for_id=message.id)
