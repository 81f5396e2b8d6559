"""What was said before in a conversation, for follow-up questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rag.types import Answer, Scope, Turn

KEPT_TURNS = 6


def remember(turns: Sequence[Turn], answer: Answer, scope: Scope) -> tuple[Turn, ...]:
    """``turns`` and this answer, as many as are worth keeping."""
    cited = next((citation.machine for citation in answer.citations), None)
    machine = scope.machines[0] if scope.machines else cited
    turn = Turn(answer.understood_as or answer.question, answer.text, machine)
    return (*turns, turn)[-KEPT_TURNS:]


def turns_of(thread: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The turns of a kept conversation: each question with the last answer before the next one."""
    turns: list[Turn] = []
    for step in thread.get("steps") or ():
        text = (step.get("output") or "").strip()
        if step.get("type") == "user_message" and not step.get("command"):
            turns.append(Turn(text, "", (step.get("modes") or {}).get("machine")))
        elif step.get("type") == "assistant_message" and text and turns:
            turns[-1] = Turn(turns[-1].question, text, turns[-1].machine)
    return tuple(turn for turn in turns if turn.answer)[-KEPT_TURNS:]
