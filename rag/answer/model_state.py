"""Whether the language model is there: what the hosts say, asked at most every few seconds."""

from __future__ import annotations

from rag.models.hosts import hosts_of
from rag.models.llm import LanguageModelState
from rag.settings import Settings


async def model_state(settings: Settings) -> LanguageModelState:
    """The state now, or of the last seconds; never raises. A host that was away costs half a
    second at most."""
    return await hosts_of(settings).state()


def forget(settings: Settings) -> None:
    """Look again next time: the model failed although it was there."""
    for host in hosts_of(settings).all:
        host.looked_up_at = float("-inf")
