"""The terms of passages, kept from question to question: the same ones are looked at again and
again, line by line."""

from __future__ import annotations

from collections.abc import Sequence

from rag.retrieve.analyzer import Analyzer
from rag.store.lru import ByteCache, key_of
from rag.types import Language

# A passage's lines take about 2 kB with their place in the cache.
_MAX_BYTES = 4 * 1024 * 1024
# Between terms, and between texts; no term has them, for it is made of letters and digits.
_TERM, _TEXT = "\0", "\1"


class KeptTerms:
    """What one analyzer makes of texts. Thread-safe."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._kept = ByteCache(_MAX_BYTES, ttl_s=float("inf"))

    def of(self, texts: Sequence[str], language: Language) -> list[frozenset[str]]:
        """The terms of each text. What is asked for together is kept together: a passage."""
        if not texts:
            return []
        key = key_of(language, *texts)
        kept = self._kept.get(key)
        if kept is not None:
            lists = kept.decode().split(_TEXT)
            return [frozenset(terms.split(_TERM) if terms else ()) for terms in lists]
        found = [frozenset(self._analyzer.terms(text, language)) for text in texts]
        self._kept.put(key, _TEXT.join(_TERM.join(terms) for terms in found).encode())
        return found
