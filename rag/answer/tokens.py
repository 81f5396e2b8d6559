"""How many tokens a text will be for the language model.

Exact where its tokenizer is there, else an estimate; both are checked against what Ollama reports
for every prompt (``prompt_eval_count``) and corrected by it, on the careful side.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from rag.models.tokenizer import load_counter
from rag.settings import Settings
from rag.store.library import Library

log = logging.getLogger(__name__)

# What the chat template adds around a message.
MESSAGE_TOKENS = 8

_PIECE = re.compile(r"(?P<word>[^\W\d_]+)|(?P<number> ?\d+)|(?P<line>\s*\n\s*)|(?P<sign>[^\w\s]|_)")
# Tokens of Mistral's tokenizer, fitted by least squares to 703 passages of German and English
# manuals: a whole prompt of more than 300 tokens lies between 0.89 and 1.15 times the estimate.
_SHORT_WORD, _ASCII_LETTER, _OTHER_LETTER = 0.55, 0.32, 0.57
_DIGIT, _NUMBER_AFTER_SPACE, _LINE_BREAK, _SIGN = 1.28, 0.5, 1.5, 0.85

# Until the server has confirmed it, no count is trusted: another model may bear the name.
_PRIOR = 1.15
_REMEMBERED = 40
_PROMPTS = 8


def estimate_tokens(text: str) -> int:
    """About as many tokens as a tokenizer with 32,000 pieces makes of it."""
    tokens = 0.0
    for piece in _PIECE.finditer(text):
        part = piece[0]
        match piece.lastgroup:
            case "word" if part.isascii() and len(part) <= 4:
                tokens += _SHORT_WORD
            case "word":
                tokens += len(part) * (_ASCII_LETTER if part.isascii() else _OTHER_LETTER)
            case "number":
                tokens += len(part.strip()) * _DIGIT + part.startswith(" ") * _NUMBER_AFTER_SPACE
            case "line":
                tokens += _LINE_BREAK
            case _:
                tokens += _SIGN
    return math.ceil(tokens)


@dataclass(frozen=True, slots=True)
class Report:
    """What a server said of one prompt: our count, how much of it may have been cached, its count.

    ``shared`` is the beginning that it has in common with an earlier prompt.
    """

    counted: int
    shared: int
    reported: int

    def tells_of_cache(self) -> bool | None:
        """Whether the cached beginning was left out of the report; ``None``: cannot be told."""
        without = 1.3 * _PRIOR * (self.counted - self.shared)
        if self.reported > without:
            return False
        return True if self.shared >= 0.4 * self.counted else None


@dataclass(slots=True)
class Meter:
    """Counts tokens for one model on one server, and learns from what the server reports."""

    count: Callable[[str], int] = estimate_tokens
    exact: bool = False
    # Replaced, never changed: prompts are fitted in threads.
    reports: tuple[Report, ...] = ()
    save: Callable[[str], None] | None = None
    _known: tuple[tuple[Report, ...], float] = ((), 0.0)
    _kept: float = 0.0
    _sent: deque[str] = field(default_factory=lambda: deque(maxlen=_PROMPTS))

    @property
    def ratio(self) -> float:
        """The server's tokens per token of ours: the highest that was seen, and a margin.

        The margin falls with the number of reports; an estimate is only lowered after three.
        """
        reports = self.reports
        known, ratio = self._known
        if known is not reports or not ratio:
            ratio = self._learned()
            self._known = reports, ratio
        return ratio

    def _learned(self) -> float:
        least, most = self._ratios()
        if self.exact:
            return max(1.0, 1.02 * least) if most else _PRIOR
        if not most:
            return max(_PRIOR, least)
        margin = 1 + 0.36 / len(most)
        return max(margin * least, min(_PRIOR, margin * max(most)))

    def _ratios(self) -> tuple[float, list[float]]:
        """The highest ratio that is certain, and upper bounds from the reports that allow it.

        Some servers report the whole prompt, some leave out a beginning that they had cached;
        until it is clear which, what may have been cached is taken as left out. Bounds only count
        from the third on (one is enough for a tokenizer).
        """
        told = [each.tells_of_cache() for each in self.reports]
        whole = told.count(False) >= 2 and True not in told
        least, most = 0.0, []
        for each in self.reports:
            ratio = each.reported / each.counted
            # Far less than any tokenizer makes of it: cached by somebody else's prompt.
            if ratio < 0.5:
                continue
            least = max(least, ratio)
            evaluated = each.counted if whole else each.counted - each.shared
            if evaluated >= 0.6 * each.counted:
                most.append(each.reported / evaluated)
        return least, most if self.exact or len(most) >= 3 else []

    def tokens(self, text: str) -> int:
        """Never less than the server will count, as far as can be known."""
        return math.ceil(self.count(text) * self.ratio)

    def compare(
        self, messages: Sequence[str], *, planned: int, reported: int, num_ctx: int
    ) -> bool:
        """Note what was reported for a prompt; ``True`` when it does not agree with the plan.

        Too many tokens: the count was too low. Too few: the server may have cut the prompt,
        unless the beginning that it shares with an earlier prompt was cached.
        """
        sent = "\n".join(messages)
        shared = max(
            (os.path.commonprefix([sent, each]) for each in self._sent),  # noqa: RUF071  characters
            key=len,
            default="",
        )
        self._sent.append(sent)
        contents = sum(map(self.count, messages))
        cached = min(contents, self.count(shared))
        report = Report(contents + MESSAGE_TOKENS * len(messages), cached, reported)
        too_few = reported < 0.4 * (contents - cached)
        mismatch = too_few or reported > planned or reported >= num_ctx
        if not too_few:
            self.reports = (*self.reports[1 - _REMEMBERED :], report)
        if mismatch:
            log.warning(
                "the prompt was planned with %d tokens, Ollama counted %d (num_ctx %d)",
                planned,
                reported,
                num_ctx,
            )
        return mismatch

    @property
    def has_learned(self) -> bool:
        """Whether there is something to keep."""
        return self.save is not None and self.ratio != self._kept

    def keep(self) -> None:
        """Write down what was learned, for the time after a restart. Call it in a thread."""
        if self.save is None:
            return
        self._kept = self.ratio
        rows = [[each.counted, each.shared, each.reported] for each in self.reports]
        try:
            self.save(json.dumps(rows))
        except SQLAlchemyError:
            log.exception("what was learned of token counts could not be kept")


_METERS: dict[tuple[str, str, str], Meter] = {}
_making = threading.Lock()


def meter_of(settings: Settings, library: Library) -> Meter:
    """The meter of the language model, with what earlier runs learned. First use: in a thread."""
    key = (str(settings.data_dir), settings.ollama_base_url, settings.ollama_model)
    if key not in _METERS:
        with _making:  # of several first questions, one reads the tokenizer
            if key not in _METERS:
                _METERS[key] = _new_meter(settings, library)
    return _METERS[key]


def _new_meter(settings: Settings, library: Library) -> Meter:
    counter = load_counter(settings)
    meter = Meter(counter, exact=True) if counter else Meter()
    place = _place(settings, exact=meter.exact)
    meter.reports = tuple(_read(library.state_get(place)))
    meter.save = partial(library.state_set, place)
    return meter


def forget_learned(settings: Settings, library: Library) -> None:
    """Start anew: for measurements that must not depend on their order."""
    key = (str(settings.data_dir), settings.ollama_base_url, settings.ollama_model)
    meter = _METERS.get(key)
    if meter is not None:
        meter.reports, meter._kept = (), 0.0
        meter._sent.clear()
    for exact in (True, False):
        if library.state_get(_place(settings, exact=exact)):
            library.state_set(_place(settings, exact=exact), "")


def _place(settings: Settings, *, exact: bool) -> str:
    return f"tokens of {settings.ollama_model}, {'counted' if exact else 'estimated'}"


def _read(text: str | None) -> list[Report]:
    try:
        return [Report(*map(int, row)) for row in json.loads(text or "[]")]
    except (ValueError, TypeError):
        return []
