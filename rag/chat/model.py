"""``/language model``: shows admins the hosts and fetches the model. What it shows comes from
``rag.api.model_routes``."""

from __future__ import annotations

import chainlit as cl

from rag.messages import catalogue, say
from rag.types import Language

# The button shows the command itself, so it comes in the user's language.
MODEL = frozenset(catalogue()["model.title"].values())
_WORDS = "model."


def model_command(language: Language) -> dict[str, object]:
    """The button in the input of an admin."""
    return {
        "id": say("model.title", language),
        "description": say("model.command", language),
        "icon": "brain",
        "button": True,
    }


async def show_model(language: Language) -> None:
    """Send the element: words only; the state is fetched anew each time somebody looks."""
    words = {
        key.removeprefix(_WORDS): text[language]
        for key, text in catalogue().items()
        if key.startswith(_WORDS)
    }
    message = await cl.Message(content="").send()
    props = {"language": language, "words": words}
    await cl.CustomElement(name="LanguageModel", props=props).send(for_id=message.id)
