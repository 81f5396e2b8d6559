"""Which machine is asked about: offered in the input, checked on the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def machine_of_address(address: str, machines: Sequence[str]) -> str:
    """The machine named by ``?machine=…``, as on a code beside it; "" when there is none such."""
    wanted = parse_qs(urlsplit(address).query).get("machine", [""])[0].strip().casefold()
    return next((name for name in machines if name.casefold() == wanted), "")
