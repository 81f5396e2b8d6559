"""What a stand-in Ollama is told to answer, and how it counts tokens and fills its window."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

FailureKind = Literal[
    "drop",  # the connection drops
    "error",  # a line {"error": …}, then the stream ends
    "cut",  # a clean end without "done": true
    "garbage",  # a line that is no JSON
    "missing",  # 404, before anything
    "busy",  # 503, before anything
    "status",  # another status, before anything
    "silent",  # says nothing more until the client goes away
]


@dataclass(frozen=True)
class Failure:
    """A failure after ``after`` tokens of ``text`` have been sent."""

    kind: FailureKind
    after: int = 0
    text: str | Sequence[str] = "The standby pressure has to be set again before the next start."
    message: str = "llama runner process has terminated"
    status: int = 500


@dataclass(frozen=True)
class Reply:
    """An answer with its timing: ``gate`` is waited for before token number ``gate_after``."""

    text: str | Sequence[str]
    done_reason: str | None = None
    gate: threading.Event | None = None
    gate_after: int = 0
    pause_s: float = 0.0
    load_s: float = 0.0


Script = str | Sequence[str] | Reply | Failure


@dataclass
class Request:
    """A request to /api/chat, as it came, as the model saw it, and what became of it.

    ``seen`` are the messages that fitted the window; ``prompt_tokens`` their size.
    """

    body: dict[str, Any]
    seen: list[dict[str, str]] = field(default_factory=list)
    prompt_tokens: int = 0
    full_tokens: int = 0
    sent: list[str] = field(default_factory=list)
    started: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def messages(self) -> list[dict[str, str]]:
        return list(self.body["messages"])

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.body.get("options") or {})

    @property
    def prompt(self) -> str:
        """All that the model saw, joined."""
        return "\n".join(message["content"] for message in self.seen)

    @property
    def truncated(self) -> bool:
        return self.prompt_tokens < self.full_tokens


Answer = Callable[[Request], Script]

_TOKEN = re.compile(r"\s?\w{1,4}|\s?[^\w\s]|\s")
# What the chat template adds around each message.
_TEMPLATE_TOKENS = 4
# The server's num_keep: so many tokens of the head survive when even the last message is cut.
_KEPT_AT_HEAD = 4


def tokens_of(text: str) -> list[str]:
    """Pieces that join to ``text`` again: up to four letters each, close to what real ones are."""
    return _TOKEN.findall(text)


def fill_window(request: Request, num_ctx: int, *, halved: bool = False) -> bool:
    """Set what the model sees of ``request``; returns whether something was cut.

    As the server does it: the oldest messages go first, system messages and the last message
    stay; if that is still too long, the head is cut but for a few tokens. ``halved``: down to
    half the window, as servers do that keep the other half for the answer.
    """
    messages = request.messages
    request.full_tokens = _size(messages)
    while _size(messages) > num_ctx:
        oldest = next(
            (place for place, message in enumerate(messages[:-1]) if message["role"] != "system"),
            None,
        )
        if oldest is None:
            break
        del messages[oldest]
    room = num_ctx - (num_ctx - _KEPT_AT_HEAD) // 2 if halved else num_ctx
    if _size(messages) > num_ctx:
        messages = _cut_head(messages, _size(messages) - room)
    request.seen = messages
    request.prompt_tokens = min(_size(messages), num_ctx)
    return request.truncated


def _size(messages: list[dict[str, str]]) -> int:
    return sum(len(tokens_of(message["content"])) + _TEMPLATE_TOKENS for message in messages)


def _cut_head(messages: list[dict[str, str]], excess: int) -> list[dict[str, str]]:
    """Drop ``excess`` tokens behind the first few, over the borders of the messages."""
    left = []
    keep = _KEPT_AT_HEAD
    for message in messages:
        pieces = tokens_of(message["content"])
        head, rest = pieces[:keep], pieces[keep:]
        keep -= len(head)
        dropped = min(excess, len(rest))
        excess -= dropped
        left.append({**message, "content": "".join(head + rest[dropped:])})
    return left


_FIRST_PASSAGE = re.compile(
    r"^\s*\[1\](.*?)(?=^\s*\[\d+\]|^</passage|\Z)", re.MULTILINE | re.DOTALL
)
_SENTENCE = re.compile(r"[^\n]*?[^\W\d_]{3}[^\n]*?[.!?](?=\s|$)")


def quote_first_passage(request: Request) -> Script:
    """The answer when nothing is scripted: the first sentence of passage [1], cited.

    So the stand-in is a faithful, if dull, language model: it only knows what it was shown.
    """
    for message in reversed(request.seen):
        passage = _FIRST_PASSAGE.search(message["content"])
        if passage is None:
            continue
        # The first line names manual and page; the passage's own text is behind it.
        head, _, text = passage[1].strip().partition("\n")
        sentence = _SENTENCE.search(text)
        if sentence:
            return f"{sentence[0].strip()} [1]"
        return f"{(text or head).strip().splitlines()[0][:200]} [1]"
    return "That is not in the passages."


def read_scripts(path: Path) -> list[Script]:
    """Scripts from a JSON list.

    Each is a string, a list of tokens, ``{"failure": kind, "after": n, "text": …}`` or
    ``{"text": …, "pause_s": …, "load_s": …}``.
    """
    scripts: list[Script] = []
    for each in json.loads(path.read_text(encoding="utf-8")):
        if isinstance(each, dict) and "failure" in each:
            scripts.append(Failure(each.pop("failure"), **each))
        else:
            scripts.append(Reply(**each) if isinstance(each, dict) else each)
    return scripts
