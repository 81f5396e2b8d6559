"""HyDE: search with a passage as it might stand in the manual, written by the language model.

Gao et al. (2022), "Precise Zero-Shot Dense Retrieval without Relevance Labels". A hypothetical
passage uses the manual's words where the question uses the workshop's.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from rag.observe.metrics import lookups_of
from rag.store.lru import ByteCache, key_of
from rag.types import Language

_log = logging.getLogger(__name__)
_LONGEST = 900
# Passages of the last hour, by model and question: some 300.
_WRITTEN = ByteCache(384 * 1024, ttl_s=3600, on_lookup=lookups_of("hyde"))
_INSTRUCTIONS: dict[Language, str] = {
    "de": "Schreibe einen kurzen Absatz (höchstens 80 Wörter), wie er in der Betriebsanleitung "
    "einer Maschine stehen könnte und diese Frage beantwortet. Verwende die Fachwörter einer "
    "Betriebsanleitung. Nenne keine Zahlen. Nur der Absatz, keine Einleitung.",
    "en": "Write a short paragraph (80 words at most) as it might stand in a machine's operating "
    "manual and that answers this question. Use the technical terms of a manual. Give no numbers. "
    "Only the paragraph, no introduction.",
}


async def write_passage(
    question: str, language: Language, llm: Any, *, timeout_s: float
) -> str | None:
    """A hypothetical passage in ``language``; ``None`` when the model fails or takes too long.

    A passage that was written within the last hour is not written again.
    """
    key = key_of(str(getattr(llm, "base_url", "")), llm.model, language, question)
    if (kept := _WRITTEN.get(key)) is not None:
        return kept.decode()
    prompt = ChatPromptTemplate.from_messages(
        [("system", _INSTRUCTIONS[language]), ("human", "{question}")]
    )
    chain = prompt | llm | StrOutputParser()
    try:
        async with asyncio.timeout(timeout_s):
            text: str = await chain.ainvoke({"question": question})
    except Exception as error:  # whatever the model's failure, the search goes on without it
        _log.info("HyDE left out: %s", type(error).__name__)
        return None
    written = text.strip()[:_LONGEST]
    if written:
        _WRITTEN.put(key, written.encode())
    return written or None
