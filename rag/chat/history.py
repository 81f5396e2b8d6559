"""What was said before: kept for the sidebar, and given along with follow-up questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainlit.element import Element

from rag.chat.machines import ALL, MODE
from rag.settings import Settings
from rag.store.history import History
from rag.types import Answer, Scope, Turn

KEPT_TURNS = 6


class ChatHistory(History):
    """Keeps cards and boxes; files of ``/upload`` go to the library, not into a conversation."""

    async def create_element(self, element: Element) -> None:
        if element.type == "custom":
            await super().create_element(element)


def open_chat_history(settings: Settings) -> ChatHistory:
    """On the database that ``open_database`` has migrated."""
    return ChatHistory(settings)


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
            machine = (step.get("modes") or {}).get(MODE)
            turns.append(Turn(text, "", None if machine == ALL else machine))
        elif step.get("type") == "assistant_message" and text and turns:
            turns[-1] = Turn(turns[-1].question, text, turns[-1].machine)
    return tuple(turn for turn in turns if turn.answer)[-KEPT_TURNS:]
