"""While vectors are made anew, answers come from words: said once to whoever asks meanwhile."""

from __future__ import annotations

import uuid

import chainlit as cl

from rag.messages import say
from rag.types import Language

_TOLD = "told_of_reindexing"


async def tell_of_reindexing(progress: tuple[int, int] | None, language: Language) -> None:
    """A line before the answer, once in each session; ``progress`` as ``JobQueue.reindexing``.

    It is not kept in the history: when the chat is opened again, it is no longer true.
    """
    if progress is None or cl.user_session.get(_TOLD):
        return
    cl.user_session.set(_TOLD, True)
    done, total = progress
    text = say("chat.reindexing", language, percent=100 * done // max(1, total))
    note = cl.Message(content=text, id=f"note-{uuid.uuid4()}", type="system_message")
    await cl.context.emitter.send_step(note.to_dict())
