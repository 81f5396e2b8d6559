"""Answers that were given already, for the same question under the same circumstances.

The key names everything that an answer depends on, and nothing of who asks: a role or a name can
neither widen nor narrow what is found, the scope alone does. What failed, was cut short, or was
only quoted because something was away, is never kept.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import pickle
import re
import time
import unicodedata
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rag.answer.prompt import load_prompt
from rag.answer.provenance import SETTINGS
from rag.models.hosts import hosts_of
from rag.types import Answer, Event, Notices, Sources, Stage, Status, Token

if TYPE_CHECKING:
    from rag.answer.story import Story
    from rag.retrieve.glossary import Glossary

# Units and symbols are short and differ by case ("mA", "MA"); words do not.
_WORD = re.compile(r"[^\W\d_]{4,}|\b[^\W\d_][^\W\d_A-ZÄÖÜ]{2}\b")
_KEPT_QUOTES = ("", "quote.ambiguous_code", "quote.window", "quote.off")


def normalised(question: str) -> str:
    """The question without what makes no difference: spaces, end marks, capitals of words."""
    text = " ".join(unicodedata.normalize("NFKC", question).split()).rstrip(" ?!.")
    return _WORD.sub(lambda word: word[0].casefold(), text)


async def cache_key(story: Story) -> str:
    """A hash of all that the answer depends on."""
    services = story.services
    scope = story.understanding.scope
    hosts = hosts_of(services.settings)
    if not hosts.digest:  # never seen, or away for as long as we live
        await hosts.state()
    prompt = load_prompt("answer", story.language)
    parts = {
        "question": normalised(story.question),
        "language": story.language,
        "scope": [sorted(part) for part in dataclasses.astuple(scope)],
        "corpus": await asyncio.to_thread(services.library.corpus_version),
        "glossary": _glossary_version(services.keywords.glossary or services.glossary),
        "models": [
            f"{services.settings.ollama_model}@{hosts.seen_digest()}" if hosts.all else "off",
            services.embedder.fingerprint if services.embedder else "",
            services.reranker.name if services.reranker else "",
        ],
        "prompt": [prompt.id, prompt.version],
        "settings": {name: getattr(services.settings, name) for name in SETTINGS},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def recall(story: Story, key: str) -> Answer | None:
    """The kept answer as an answer to this question, marked as what it is."""
    started = time.time_ns()
    found = story.services.cache.get(key)
    if found is None:
        return None
    kept_at, kept = pickle.loads(zlib.decompress(found))  # noqa: S301 - our own bytes, in memory
    age_s = round(time.monotonic() - kept_at, 1)
    stage = Stage("cache", started, time.time_ns(), (), {"age_s": age_s, "answer_id": kept.id})
    return as_own(kept, story, "cache", stages=(*story.stages, stage), age_s=age_s)


def as_own(
    answer: Answer, story: Story, how: str, *, stages: tuple[Stage, ...] = (), **more: Any
) -> Answer:
    """Somebody else's answer for the one who asks here: own id and words, and where it is from."""
    provenance = {
        **answer.provenance,
        "question": story.asked,
        "understood_by": story.understanding.by,
        "cached": {"how": how, "answer_id": answer.id, **more},
    }
    if stages:
        provenance["timings_ms"] = {stage.name: round(stage.ms, 1) for stage in stages}
    return dataclasses.replace(
        answer,
        id=story.id,
        question=story.asked,
        stages=stages or answer.stages,
        provenance=provenance,
    )


def keep(story: Story, key: str, answer: Answer) -> Answer:
    """The answer, kept when the same question would get the same one again. It then says under
    which key, so that a bad rating finds it."""
    if not may_keep(story, answer):
        return answer
    answer = dataclasses.replace(answer, provenance={**answer.provenance, "cache_key": key})
    kept = pickle.dumps((time.monotonic(), answer), pickle.HIGHEST_PROTOCOL)
    story.services.cache.put(key, zlib.compress(kept, 1))
    return answer


def may_keep(story: Story, answer: Answer) -> bool:
    """Not what is owed to an outage, to a failed check, or to what was said before."""
    if story.degraded or (story.history and answer.mode == "llm"):
        return False
    model = story.model
    if model is None or not (model.available or model.reason == "off"):
        return False
    if answer.mode == "quote":
        return answer.reason in _KEPT_QUOTES
    return answer.mode == "refusal" or (answer.mode == "llm" and not answer.reason)


def replay(answer: Answer) -> Iterator[Event]:
    """The events of a kept answer, in the order in which they came the first time."""
    yield Status("status.remembering", answer.stages[-1])
    if answer.notices:
        yield Notices(answer.notices)
    if answer.citations:
        yield Sources(answer.citations)
    yield Token(answer.text)


@lru_cache(maxsize=4)
def _glossary_version(glossary: Glossary) -> str:
    """Changes with what the glossary says; an edited glossary is a new object."""
    return hashlib.sha256(repr(glossary.concepts).encode()).hexdigest()[:16]
