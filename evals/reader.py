"""A language model for the experiment on windows: it knows what it was shown, and nothing else.

The server around it cuts as Ollama does when the system prompt and the last message do not fit
together: the first four tokens stay, then the head goes until half the window is left for the
prompt. (Seen in logs of 0.32 to 0.34: ``truncating input prompt limit=2050 prompt=7268 keep=4
new=2050`` at ``num_ctx`` 4096. Older servers fill the whole window and drop its older half at the
first token of the answer, which comes to the same.) So the rules, the notices and the best
passages go first, and the question survives. That a full window is halved again in mid-answer is
not played: it would cost the unfitted prompt, which leaves no room for the answer, still more.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from rag.retrieve.words import STOP_WORDS
from tests.stand_in.http import Connection
from tests.stand_in.ollama import OllamaStandIn, Request, Script

VAGUE = "That depends on the machine; follow the usual procedure."
_LINES = 2
_NUMBERED = re.compile(r"^\[(\d+)\]")
_WORD = re.compile(r"[^\W_]{3,}|\d+")
_QUESTION = re.compile(r"^(?:Frage|Question): ", re.MULTILINE)


class SmallWindow(OllamaStandIn):
    """A server that never gives more than ``window`` tokens, whatever the client asks for."""

    def __init__(self, window: int, *, model: str = "reader", needs_rules: bool = False) -> None:
        answer = _read_by_rules if needs_rules else read_aloud
        super().__init__(models=[model], answer=answer, halves=True)
        self.window = window

    async def _chat(self, connection: Connection, fields: dict[str, Any]) -> None:
        options = fields.get("options") or {}
        asked = int(options.get("num_ctx") or self.window)
        options = {**options, "num_ctx": min(asked, self.window)}
        await super()._chat(connection, {**fields, "options": options})


def rules_seen(request: Request) -> bool:
    """Whether the system prompt reached the model whole."""
    sent = [message["content"] for message in request.messages if message["role"] == "system"]
    return all(text in [message["content"] for message in request.seen] for text in sent)


def _read_by_rules(request: Request) -> Script:
    return read_aloud(request) if rules_seen(request) else VAGUE


def read_aloud(request: Request) -> Script:
    """From each passage it sees, the lines that share most with the question it sees, cited."""
    parts = _QUESTION.split(request.prompt)
    wanted = _stems(parts[-1]) if len(parts) > 1 else set()
    passages: dict[str, list[str]] = {}
    number = ""  # a passage whose head was cut off has lost its number
    for line in parts[0].splitlines():
        marked = _NUMBERED.match(line)
        number = marked[1] if marked else number
        if not marked and line.strip() and not line.startswith(("-", "<")):
            passages.setdefault(number, []).append(line.strip())
    # A word that stands in few lines says more about what is meant.
    common = Counter(stem for text in passages.values() for line in text for stem in _stems(line))
    told = []
    for number, text in passages.items():
        shared = [sum(1 / common[stem] for stem in wanted & _stems(line)) for line in text]
        best = sorted(range(len(text)), key=lambda place: -shared[place])[:_LINES]
        # With the line behind it: sentences are wrapped.
        chosen = {place + step for place in best if shared[place] for step in (0, 1)}
        lines_told = [text[place] for place in sorted(chosen) if place < len(text)]
        if lines_told:
            told.append("\n".join(lines_told) + (f" [{number}]" if number else ""))
    return "\n".join(told) or VAGUE


def _stems(text: str) -> set[str]:
    words = {word.casefold() for word in _WORD.findall(text)}
    return {word[:5] for word in words - STOP_WORDS["de"] - STOP_WORDS["en"]}
