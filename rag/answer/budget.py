"""Fit a prompt into the model's context window before it is sent.

Ollama cuts a prompt that is too long without telling: the rules or the warnings may be what goes.
So the system prompt, the question and the notices are never cut; history goes first, then the
lowest-ranked passages are shortened and dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.answer.prompt import Prompt, notices_block, passage_block
from rag.answer.tokens import MESSAGE_TOKENS, Meter
from rag.types import Chunk, Language, Notice, Turn

_SHORTEST_PASSAGE = 20
_HISTORY_SHARE = 0.25
_TURNS = 3


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt that fits. ``numbers`` are the passages that are in it (1-based)."""

    messages: list[BaseMessage]
    numbers: tuple[int, ...]
    tokens: int
    reserve: int
    left_out: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        return [str(message.content) for message in self.messages]


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
        return sum(meter.tokens(str(m.content)) + MESSAGE_TOKENS for m in messages)

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
        room -= meter.tokens(turn.question) + meter.tokens(answer) + 2 * MESSAGE_TOKENS
        if room < 0:
            break
        messages = [HumanMessage(turn.question), AIMessage(answer), *messages]
    return messages
