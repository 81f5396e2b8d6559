"""How long an answer usually takes, told while somebody waits."""

from __future__ import annotations

import json
import statistics
from collections import deque
from collections.abc import Iterable

from sqlalchemy import Engine, text

from rag.types import Answer

# Shorter waits are over before the words are read.
_WORTH_TELLING_S = 2.0
_REMEMBERED = 30
_WRITTEN = ("llm", "completed_by_quote")


class Pace:
    """The times of the latest answers, those with a language model and quotations apart."""

    def __init__(self) -> None:
        self._written: deque[float] = deque(maxlen=_REMEMBERED)
        self._quoted: deque[float] = deque(maxlen=_REMEMBERED)
        self._is_read = False

    def read(self, engine: Engine) -> None:
        """Begin with the answers of earlier days; only the first call does something.

        Reads the database: call it in a thread.
        """
        if self._is_read:
            return
        self._is_read = True
        query = text("SELECT mode, provenance FROM answers ORDER BY created_at DESC LIMIT :count")
        with engine.connect() as connection:
            rows = connection.execute(query, {"count": 2 * _REMEMBERED}).all()
        for mode, provenance in reversed(rows):
            self._note(mode, json.loads(provenance).get("timings_ms", {}).values())

    def note(self, answer: Answer) -> None:
        """An answer that has just been given."""
        if not answer.provenance.get("cached"):
            self._note(answer.mode, (stage.ms for stage in answer.stages))

    def usual_s(self, *, written: bool) -> int:
        """The median of the latest waits in whole seconds; 0 when it is not worth telling."""
        times = self._written if written else self._quoted
        usual = statistics.median(times) if times else 0.0
        return round(usual) if usual >= _WORTH_TELLING_S else 0

    def _note(self, mode: str, stages_ms: Iterable[float]) -> None:
        times = self._written if mode in _WRITTEN else self._quoted
        times.append(sum(stages_ms) / 1e3)
