"""``/API keys``: shows admins the keys for scripts. What it lists comes from
``rag.api.key_routes``; a new key is shown by the page alone and never in the conversation."""

from __future__ import annotations

import chainlit as cl

from rag.access.api_keys import DEFAULT_DAYS, LONGEST_DAYS, NAME_LETTERS, ApiScope
from rag.messages import catalogue, say
from rag.types import Language

# The button shows the command itself, so it comes in the user's language.
KEYS = frozenset(catalogue()["keys.title"].values())
_WORDS = "keys."


def keys_command(language: Language) -> dict[str, object]:
    """The entry in the input of an admin."""
    return {
        "id": say("keys.title", language),
        "description": say("keys.command", language),
        "icon": "key-round",
        "button": True,
    }


async def show_keys(language: Language) -> None:
    """Send the element: words only; the keys are fetched anew each time somebody looks."""
    words = {
        key.removeprefix(_WORDS): text[language]
        for key, text in catalogue().items()
        if key.startswith(_WORDS)
    }
    props = {
        "language": language,
        "words": words,
        "scopes": [scope.value for scope in ApiScope],
        "days": DEFAULT_DAYS,
        "longest_days": LONGEST_DAYS,
        "name_letters": NAME_LETTERS,
    }
    message = await cl.Message(content="").send()
    await cl.CustomElement(name="Keys", props=props).send(for_id=message.id)
