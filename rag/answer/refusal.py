"""Say honestly that the manuals do not answer, and what to do next; and where it might stand."""

from __future__ import annotations

from dataclasses import replace

from rag.answer.cite import citation
from rag.answer.clean import verbatim
from rag.answer.relevance import Relevance
from rag.messages import say
from rag.types import Citation, Hit, Language, Retrieval, Scope

_NEAREST = 2
_MOST_NAMED = 3
# How retrieval notes a machine that the question names.
_NAMED = "machine:"


def nearest_places(retrieval: Retrieval, relevance: Relevance) -> tuple[Citation, ...]:
    """The two places that come closest, on different pages, although they do not answer."""
    chosen: list[Hit] = []
    for hit in retrieval.hits:
        place = (hit.chunk.manual_id, hit.chunk.first_page)
        if place not in [(other.chunk.manual_id, other.chunk.first_page) for other in chosen]:
            chosen.append(hit)
        if len(chosen) == _NEAREST:
            break
    # The match is weak: the page is opened, and nothing is marked on it.
    return tuple(
        replace(citation(n, hit, relevance), boxes=()) for n, hit in enumerate(chosen, start=1)
    )


def refusal_text(
    retrieval: Retrieval, scope: Scope, language: Language, *, has_manuals: bool
) -> tuple[str, str]:
    """The key of the message that says why there is no answer; and Markdown: why, and the next
    steps."""
    named = [note.removeprefix(_NAMED) for note in retrieval.notes if note.startswith(_NAMED)]
    machines = scope.machines or (named if len(named) <= _MOST_NAMED else ())
    reason = _reason(retrieval, bool(machines), has_manuals)
    said = say(
        reason,
        language,
        code=verbatim(retrieval.missing_code or ""),
        machine=verbatim(", ".join(machines)),
        named=verbatim(", ".join(named)),
    )
    if reason == "refusal.no_manuals":
        return reason, said
    steps = [f"- {say(f'refusal.step_{step}', language)}" for step in _next_steps(reason)]
    return reason, "\n".join([f"{said}\n", say("refusal.next_steps", language), *steps])


def _reason(retrieval: Retrieval, names_machine: bool, has_manuals: bool) -> str:
    if not has_manuals:
        return "refusal.no_manuals"
    if "machine_outside_scope" in retrieval.notes:
        return "refusal.machine_not_chosen"
    key = "refusal.missing_code" if retrieval.missing_code else "refusal.nothing_found"
    return f"{key}_machine" if names_machine else key


def _next_steps(reason: str) -> tuple[str, ...]:
    """What helps, by what is known: a code is read once more, a machine is chosen or changed."""
    return {
        "refusal.missing_code": ("read_code", "choose_machine", "tell_admin"),
        "refusal.missing_code_machine": ("read_code", "change_machine", "tell_admin"),
        "refusal.machine_not_chosen": ("change_machine", "tell_admin"),
        "refusal.nothing_found_machine": ("other_words", "change_machine", "tell_admin"),
    }.get(reason, ("other_words", "choose_machine", "tell_admin"))
