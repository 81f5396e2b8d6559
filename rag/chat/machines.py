"""Which machine and which of its manuals is asked about: offered in the input, checked on the
server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chainlit.mode import Mode, ModeOption

from rag.messages import say
from rag.types import Language, Manual, ManualStatus, Scope

MODE = "machine"
TYPE_MODE = "manual_type"
ALL = "all"


def machine_mode(machines: Sequence[str], language: Language, chosen: str = "") -> Mode:
    """The picker in the input; ``chosen`` is the machine it starts with."""
    options = [ModeOption(id=ALL, name=say("chat.all_machines", language), icon="factory")]
    options += [ModeOption(id=name, name=name, icon="cog") for name in machines]
    for option in options:
        option.default = option.id == (chosen if chosen in machines else ALL)
    return Mode(id=MODE, name=say("chat.machine", language), options=options)


def type_mode(types: Sequence[str], language: Language) -> Mode:
    """The picker of a manual's type; it starts with all of them."""
    options = [ModeOption(id=ALL, name=say("chat.all_types", language), icon="library")]
    options += [ModeOption(id=name, name=name, icon="book") for name in types]
    options[0].default = True
    return Mode(id=TYPE_MODE, name=say("chat.manual_type", language), options=options)


def types_of(manuals: Sequence[Manual]) -> list[str]:
    """The types that tell a machine's active manuals apart, sorted; none where every machine has
    manuals of one type only, since then there is nothing to choose."""
    of_machine: dict[str, set[str]] = {}
    for manual in manuals:
        if manual.status is ManualStatus.ACTIVE and manual.type:
            of_machine.setdefault(manual.machine, set()).add(manual.type)
    several = [types for types in of_machine.values() if len(types) > 1]
    return sorted(set().union(*several))


def scope_of(
    modes: Mapping[str, str] | None, machines: Sequence[str], types: Sequence[str] = ()
) -> Scope:
    """What the browser chose, if there is such a machine and such a type; all of them otherwise."""
    chosen = (modes or {}).get(MODE, ALL)
    kind = (modes or {}).get(TYPE_MODE, ALL)
    return Scope(
        machines=(chosen,) if chosen in machines else (), types=(kind,) if kind in types else ()
    )


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
