"""Fit a prompt into the model's context window before it is sent.

Ollama cuts a prompt that is too long without telling: the rules or the warnings may be what goes.
So the system prompt, the question and the notices are never cut; history goes first, then the
lowest-ranked passages are shortened and dropped.
"""

from __future__ import annotations

import logging
import math
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.answer.prompt import Prompt, notices_block, passage_block
from rag.types import Chunk, Language, Notice, Turn

log = logging.getLogger(__name__)

_PIECE = re.compile(r"[^\W\d_]+|\d|\s*\n\s*|[^\w\s]|_")
_LETTERS_PER_TOKEN = {"ascii": 3.6, "other": 2.6}
_MESSAGE_TOKENS = 8
_SHORTEST_PASSAGE = 20
_HISTORY_SHARE = 0.25
_TURNS = 3


def estimate_tokens(text: str) -> int:
    """A careful guess at a sentencepiece tokenizer's count (about 32,000 tokens, as Mistral's).

    Digits and signs are a token each; long German words and umlauts break into short pieces.
    """
    tokens = 0
    for piece in _PIECE.findall(text):
        if piece[0].isalpha():
            kind = "ascii" if piece.isascii() and len(piece) < 9 else "other"
            tokens += math.ceil(len(piece) / _LETTERS_PER_TOKEN[kind])
        else:
            tokens += 1
    return tokens


@dataclass(slots=True)
class Meter:
    """Calibrates the estimate by what Ollama reports for one model."""

    observed: deque[float] = field(default_factory=lambda: deque(maxlen=40))
    last_prompt: str = ""

    @property
    def ratio(self) -> float:
        """Reported tokens per estimated token, on the careful side.

        A cached prefix makes Ollama report less than was sent, so the highest of the last
        reports counts, and it lowers the estimate only after several of them.
        """
        if not self.observed:
            return 1.0
        highest = max(self.observed) * 1.05
        return min(2.5, highest if highest > 1 or len(self.observed) >= 5 else 1.0)

    def tokens(self, text: str) -> int:
        return math.ceil(estimate_tokens(text) * max(0.6, self.ratio))

    def compare(self, sent: str, planned: int, reported: int, num_ctx: int) -> bool:
        """Note what was reported for a prompt; ``True`` when it does not agree with the plan.

        Too many tokens: the estimate was too low. Too few: the server may have cut the prompt,
        unless the beginning it shares with the prompt before was cached.
        """
        shared = estimate_tokens(_common_prefix(sent, self.last_prompt))
        self.last_prompt = sent
        estimated = max(1, estimate_tokens(sent))
        self.observed.append(reported / estimated)
        fewest = 0.4 * max(0, estimated - shared)
        mismatch = reported > planned or reported < fewest or reported >= num_ctx
        if mismatch:
            log.warning(
                "the prompt was planned with %d tokens, Ollama counted %d (num_ctx %d)",
                planned,
                reported,
                num_ctx,
            )
        return mismatch


_METERS: dict[str, Meter] = {}


def meter_of(base_url: str, model: str) -> Meter:
    """The meter of a model on a server; kept as long as the process lives."""
    return _METERS.setdefault(f"{base_url} {model}", Meter())


def forget_meters() -> None:
    """Start anew, as after a restart: for measurements that must not depend on their order."""
    _METERS.clear()


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt that fits. ``numbers`` are the passages that are in it (1-based)."""

    messages: list[BaseMessage]
    numbers: tuple[int, ...]
    tokens: int
    reserve: int
    left_out: dict[str, Any]

    @property
    def text(self) -> str:
        return "\n".join(str(message.content) for message in self.messages)


def answer_reserve(num_ctx: int, answer_tokens: int) -> int:
    """Tokens kept free for the answer: at most a fifth of a small window."""
    return min(answer_tokens, num_ctx // 5)


def fit(
    prompt: Prompt,
    question: str,
    *,
    notices: tuple[Notice, ...],
    passages: Sequence[Chunk],
    history: Sequence[Turn],
    language: Language,
    num_ctx: int,
    answer_tokens: int,
    meter: Meter,
    shorten: Callable[[Chunk, int], str],
) -> Fitted | None:
    """The messages to send, or ``None`` when not even the rules, notices and question fit.

    ``shorten(chunk, characters)`` gives the part of a passage that matters most to the question.
    """
    reserve = answer_reserve(num_ctx, answer_tokens)
    fixed = {"question": question, "notices": notices_block(notices, language)}

    def render(blocks: Sequence[str], earlier: Sequence[BaseMessage]) -> list[BaseMessage]:
        values = {**fixed, "passages": "\n".join(blocks), "earlier": list(earlier)}
        return prompt.template.invoke(values).to_messages()

    def cost(messages: Sequence[BaseMessage]) -> int:
        return sum(meter.tokens(str(m.content)) + _MESSAGE_TOKENS for m in messages)

    room = num_ctx - reserve - cost(render([], []))
    blocks, numbers, shortened = _fill(passages, room, meter, shorten)
    if not blocks:
        return None
    spare = room - sum(meter.tokens(block) + 1 for block in blocks)
    earlier = _recent(history, min(spare, int(_HISTORY_SHARE * num_ctx)), meter)
    messages = render(blocks, earlier)
    tokens = cost(messages)
    if tokens > num_ctx - reserve:
        return None
    left_out = {
        "passages_dropped": len(passages) - len(blocks),
        "passages_shortened": shortened,
        "turns_dropped": len(history) - len(earlier) // 2,
    }
    return Fitted(messages, numbers, tokens, reserve, left_out)


def _fill(
    passages: Sequence[Chunk], room: int, meter: Meter, shorten: Callable[[Chunk, int], str]
) -> tuple[list[str], tuple[int, ...], list[int]]:
    """Passage blocks by rank until ``room`` tokens are used; the last may be shortened."""
    blocks: list[str] = []
    numbers: list[int] = []
    shortened: list[int] = []
    for number, chunk in enumerate(passages, start=1):
        block = passage_block(number, chunk, chunk.text)
        if meter.tokens(block) + 1 > room:
            block = _shortened(number, chunk, room, meter, shorten)
            if not block:
                break
            shortened.append(number)
        room -= meter.tokens(block) + 1
        blocks.append(block)
        numbers.append(number)
    return blocks, tuple(numbers), shortened


def _shortened(
    number: int, chunk: Chunk, room: int, meter: Meter, shorten: Callable[[Chunk, int], str]
) -> str:
    """The passage within ``room`` tokens, or an empty string when too little would be left."""
    for characters in (1600, 1200, 900, 700, 500, 350, 250, 170, 110):
        if characters >= len(chunk.text):
            continue
        text = shorten(chunk, characters)
        block = passage_block(number, chunk, text)
        if meter.tokens(block) + 1 <= room:
            return block if meter.tokens(text) >= _SHORTEST_PASSAGE else ""
    return ""


def _recent(history: Sequence[Turn], room: int, meter: Meter) -> list[BaseMessage]:
    """The latest turns that fit into ``room`` tokens, oldest first."""
    messages: list[BaseMessage] = []
    for turn in reversed(history[-_TURNS:]):
        answer = turn.answer if len(turn.answer) <= 400 else turn.answer[:400] + " …"
        room -= meter.tokens(turn.question) + meter.tokens(answer) + 2 * _MESSAGE_TOKENS
        if room < 0:
            break
        messages = [HumanMessage(turn.question), AIMessage(answer), *messages]
    return messages


def _common_prefix(one: str, other: str) -> str:
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return one[:length]
