"""Which machines a question names, and whether they are the chosen ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from rag.retrieve.scope import narrow
from rag.services import Services
from rag.types import Retrieval, Scope

Named = Callable[[str], Sequence[str]]


def nothing_named(text: str) -> Sequence[str]:
    """Without a library, no machine is known by its name."""
    return ()


async def names_of(services: Services) -> Named:
    """Gives the machines of the library that a text names, by designation or by kind."""
    machines = await asyncio.to_thread(services.library.machines)
    glossary = services.keywords.glossary
    return lambda text: narrow(text, Scope(), machines, glossary).named


async def of_chosen_machine(
    retrieval: Retrieval, question: str, scope: Scope, services: Services
) -> Retrieval:
    """``retrieval``, or nothing where the question names only machines that are not chosen:
    "Wie hoch ist der Druck der Presse?" must never be answered with the compressor's."""
    if not scope.machines:
        return retrieval
    named = (await names_of(services))(question)
    if not named or set(named) & set(scope.machines):
        return retrieval
    notes = (*(f"machine:{machine}" for machine in named), "machine_outside_scope")
    return replace(retrieval, hits=(), stages={}, verdict="absent", notes=notes)
