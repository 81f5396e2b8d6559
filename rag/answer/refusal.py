"""Say honestly that the manuals do not answer, where it might stand, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.answer.cite import citation
from rag.answer.clean import verbatim
from rag.answer.relevance import Relevance
from rag.messages import say
from rag.types import Citation, Hit, Language, Retrieval, Scope

_NEAREST = 2
# How retrieval notes a machine that the question names.
_NAMED = "machine:"


def nearest_places(retrieval: Retrieval, relevance: Relevance) -> tuple[Citation, ...]:
    """The two places that come closest, on different pages, although they do not answer."""
    candidates = list(retrieval.hits)
    for stage in ("final", "reranked", "fused", "bm25"):
        candidates += retrieval.stages.get(stage, ())
    chosen: list[Hit] = []
    for hit in candidates:
        place = (hit.chunk.manual_id, hit.chunk.first_page)
        if place not in [(other.chunk.manual_id, other.chunk.first_page) for other in chosen]:
            chosen.append(hit)
        if len(chosen) == _NEAREST:
            break
    # The match is weak: the page is opened, and nothing is marked on it.
    return tuple(
        replace(citation(n, hit, relevance), boxes=()) for n, hit in enumerate(chosen, start=1)
    )


def refusal_reason(retrieval: Retrieval, scope: Scope, *, has_manuals: bool) -> str:
    """The key of the message that says why there is no answer."""
    if not has_manuals:
        return "refusal.no_manuals"
    if "machine_outside_scope" in retrieval.notes:
        return "refusal.machine_not_chosen"
    key = "refusal.missing_code" if retrieval.missing_code else "refusal.nothing_found"
    return f"{key}_machine" if scope.machines else key


def refusal_text(
    reason: str,
    retrieval: Retrieval,
    scope: Scope,
    perhaps: Sequence[Citation],
    language: Language,
) -> str:
    """Markdown: why, perhaps where, and the next steps."""
    named = [note.removeprefix(_NAMED) for note in retrieval.notes if note.startswith(_NAMED)]
    said = say(
        reason,
        language,
        code=verbatim(retrieval.missing_code or ""),
        machine=verbatim(", ".join(scope.machines)),
        named=verbatim(", ".join(named)),
    )
    if reason == "refusal.no_manuals":
        return said
    parts = [said]
    if perhaps:
        lines = [
            say(
                "refusal.perhaps_line",
                language,
                title=verbatim(place.title),
                label=verbatim(place.label),
                heading=verbatim(" › ".join(place.heading[-2:]) or place.quote[:60]),
            )
            for place in perhaps
        ]
        parts.append("\n".join([say("refusal.perhaps", language), *lines]))
    parts.append("\n".join(_next_steps(reason, scope, language)))
    return "\n\n".join(parts)


def _next_steps(reason: str, scope: Scope, language: Language) -> list[str]:
    """What helps, by what is known: a code is read once more, a machine is chosen or changed."""
    steps = {
        "refusal.missing_code": ("read_code", "choose_machine", "tell_admin"),
        "refusal.missing_code_machine": ("read_code", "change_machine", "tell_admin"),
        "refusal.machine_not_chosen": ("change_machine",),
    }.get(reason, ("other_words", "change_machine" if scope.machines else "choose_machine"))
    if "tell_admin" not in steps:
        steps = (*steps, "tell_admin")
    lines = [f"- {say(f'refusal.step_{step}', language)}" for step in steps]
    return [say("refusal.next_steps", language), *lines]
