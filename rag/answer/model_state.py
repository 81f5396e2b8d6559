"""Whether the language model is there, asked at most every few seconds."""

from __future__ import annotations

import time

from rag.models.llm import LanguageModelState, probe
from rag.settings import Settings

_FRESH_S = 5.0
_KNOWN: dict[tuple[str, str], tuple[float, LanguageModelState]] = {}


async def model_state(settings: Settings) -> LanguageModelState:
    """The last answer if it is younger than five seconds, else a new one; never raises."""
    key = (settings.ollama_base_url, settings.ollama_model)
    known = _KNOWN.get(key)
    if known is not None and time.monotonic() - known[0] < _FRESH_S:
        return known[1]
    state = await probe(settings)
    _KNOWN[key] = (time.monotonic(), state)
    return state


def forget(settings: Settings) -> None:
    """Ask again next time: the model failed although it was there."""
    _KNOWN.pop((settings.ollama_base_url, settings.ollama_model), None)
