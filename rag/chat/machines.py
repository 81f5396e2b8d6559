"""Which machine is asked about: offered in the input, checked on the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chainlit.mode import Mode, ModeOption

from rag.messages import say
from rag.types import Language, Scope

MODE = "machine"
ALL = "all"


def machine_mode(machines: Sequence[str], language: Language, chosen: str = "") -> Mode:
    """The picker in the input; ``chosen`` is the machine it starts with."""
    options = [ModeOption(id=ALL, name=say("chat.all_machines", language), icon="factory")]
    options += [ModeOption(id=name, name=name, icon="cog") for name in machines]
    for option in options:
        option.default = option.id == (chosen if chosen in machines else ALL)
    return Mode(id=MODE, name=say("chat.machine", language), options=options)


def scope_of(modes: Mapping[str, str] | None, machines: Sequence[str]) -> Scope:
    """What the browser chose, if there is such a machine; all of them otherwise."""
    chosen = (modes or {}).get(MODE, ALL)
    return Scope(machines=(chosen,)) if chosen in machines else Scope()


def modes_of(thread: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """What was chosen for each question of a kept conversation, oldest first."""
    return {
        (step.get("output") or "").strip(): step["modes"]
        for step in thread.get("steps") or ()
        if step.get("type") == "user_message" and step.get("modes") and not step.get("command")
    }


def modes_again(
    question: str, asked: Mapping[str, Mapping[str, str] | None]
) -> Mapping[str, str] | None:
    """The choice for a question that a button asks anew, which sends none of its own.

    It means the machine that was asked about then; of an unknown question, the latest one.
    """
    return asked.get(question.strip()) or next(reversed(list(asked.values())), None)


def machine_of_address(address: str, machines: Sequence[str]) -> str:
    """The machine named by ``?machine=…``, as on a code beside it; "" when there is none such."""
    wanted = parse_qs(urlsplit(address).query).get("machine", [""])[0].strip().casefold()
    return next((name for name in machines if name.casefold() == wanted), "")
