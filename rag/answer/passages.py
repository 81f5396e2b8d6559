"""Which passages an answer rests on, and which of a page's pieces in each of them.

The first few are quoted, or given to the model; further places that come close to them are named
after them. Retrieval joins what it found on one page; here only the pieces stay that speak of the
question, so that two procedures of a page are never read as one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from rag.answer.excerpt import best_line_score
from rag.answer.relevance import Relevance
from rag.answer.steps import with_neighbours
from rag.codes import find_codes, fold_code
from rag.store.library import Library
from rag.types import Chunk, Hit, Retrieval

SectionOf = Callable[[str, tuple[str, ...]], list[Chunk]]

# Measured on the questions for tuning (``evals/gold``: "tune" and ``tuning.jsonl``) alone.
# From this share of the best BM25 score on, another machine's passage is shown beside it. A choice:
# 0.5 to 1.0 measure the same.
_RIVAL = 0.7
# How much the best line counts beside the whole passage: 0.3 to 0.4 found most.
_LINE = 0.4
# From this share of the best score beside it on, a passage is quoted, and further ones are named.
_CLOSE = 0.7
_MOST_NAMED = 3
# A piece of a page is left out when it says less than this share of what the page's best one says.
_PIECE = 0.5


@dataclass(frozen=True, slots=True)
class Passage:
    """A place to answer from: ``pieces`` of a page in reading order, their text in ``hit``.
    ``further`` ones are named, not quoted, and never given to the model."""

    hit: Hit
    pieces: tuple[Chunk, ...]
    further: bool = False


def choose_passages(
    retrieval: Retrieval, relevance: Relevance, library: Library, count: int
) -> tuple[Passage, ...]:
    """At most ``count`` passages to answer from, the best one first, and then further places.

    A notice that was found stands for the text of its section: its own text is shown as a box.
    """
    if retrieval.ambiguous_code:
        exact = (hit for hit in retrieval.hits if "exact" in hit.ranks)
        return tuple(Passage(hit, (hit.chunk,)) for hit in exact)
    ranked = retrieval.stages.get("final") or retrieval.hits
    if "exact" in ranked[0].ranks:
        ranked = tuple(
            hit for hit in ranked if "exact" in hit.ranks or _names_codes_of(ranked[0], hit)
        )
    section_of = cache(library.section_of)
    found = [_passage(hit, retrieval, relevance, section_of) for hit in ranked]
    best, *others = _once(found)
    rest = [one for one in others if _may_stand_beside(one.hit, best.hit)]
    return (best, *_ranked(best, rest, relevance, count - 1))


def _ranked(
    best: Passage, rest: Sequence[Passage], relevance: Relevance, count: int
) -> list[Passage]:
    """The passages beside the best one: up to ``count`` to quote, its machine's first, and those
    to name. A long passage may share many words and yet have no line that answers."""
    lines = [best_line_score(one.hit.chunk, relevance) for one in rest]
    top_line = max(lines, default=0.0) or 1.0
    top_share = max(one.hit.scores.get("bm25", 0.0) for one in (best, *rest)) or 1.0
    scored = [
        (one.hit.scores.get("bm25", 0.0) / top_share + _LINE * line / top_line, one)
        for one, line in zip(rest, lines, strict=True)
    ]
    scored.sort(key=lambda pair: ("exact" not in pair[1].hit.ranks, -pair[0]))
    top = max((score for score, _ in scored), default=0.0)
    told = [
        one for score, one in scored[:count] if score >= _CLOSE * top or "exact" in one.hit.ranks
    ]
    machine = best.hit.chunk.machine
    named = [
        replace(one, further=True)
        for score, one in scored[count:]
        if score >= _CLOSE * top and one.hit.chunk.machine == machine
    ]
    told.sort(key=lambda one: one.hit.chunk.machine != machine)
    return told + named[:_MOST_NAMED]


def _once(passages: Sequence[Passage]) -> list[Passage]:
    """Each chunk's first passage: a notice may have brought a text that was found itself."""
    kept: dict[str, Passage] = {}
    for one in passages:
        kept.setdefault(one.hit.chunk.id, one)
    return list(kept.values())


def _may_stand_beside(other: Hit, best: Hit) -> bool:
    """Passages of the best one's machine, and of another where either may be meant."""
    if other.chunk.kind == "notice":
        return False
    if other.chunk.machine == best.chunk.machine:
        return True
    if "exact" in best.ranks:
        return "exact" in other.ranks
    return other.scores.get("bm25", 0.0) >= _RIVAL * best.scores.get("bm25", 0.0)


def _names_codes_of(best: Hit, other: Hit) -> bool:
    """Whether a passage speaks of the code or part that was asked for: beside its record, passages
    that only share a word with it would be noise, and their warnings would hide the right ones."""
    asked = {fold_code(code) for code in best.chunk.codes}
    return any(fold_code(code) in asked for code in find_codes(other.chunk.text))


# --- pieces of a page ----------------------------------------------------------------------------


def _passage(
    hit: Hit, retrieval: Retrieval, relevance: Relevance, section_of: SectionOf
) -> Passage:
    if hit.chunk.kind == "notice":
        return _section_of_notice(hit, relevance, section_of)
    pieces = pieces_of(hit, retrieval)
    texts = [piece for piece in pieces if piece.kind != "notice"]
    scores = [1.0]
    if len(pieces) > 1:
        scores = relevance.scores([_titled(piece) for piece in texts], hit.chunk.language)
    enough = _PIECE * max(scores)
    chosen = [piece for piece, score in zip(texts, scores, strict=True) if score >= enough]
    best = texts[max(range(len(texts)), key=lambda place: scores[place])]
    kept = one_table_each(_with_steps(chosen, section_of))
    if len(pieces) == len(kept) == 1:
        return Passage(hit, pieces)
    sections = {piece.heading for piece in kept}
    warnings = [one for one in pieces if one.kind == "notice" and one.heading in sections]
    linked = [notice for piece in kept for notice in piece.notices]
    chunk = replace(
        hit.chunk,
        text="\n".join(piece.text for piece in kept),
        kind=best.kind,
        heading=best.heading,
        first_page=min(kept, key=_begins).first_page,
        first_label=min(kept, key=_begins).first_label,
        last_page=max(kept, key=_ends).last_page,
        last_label=max(kept, key=_ends).last_label,
        boxes=tuple(dict.fromkeys(box for piece in kept for box in piece.boxes)),
        codes=tuple(dict.fromkeys(code for piece in kept for code in piece.codes)),
        notices=tuple(dict.fromkeys([*linked, *(one.id for one in warnings)])),
    )
    return Passage(replace(hit, chunk=chunk), tuple(kept))


def one_table_each(pieces: Sequence[Chunk]) -> list[Chunk]:
    """Pieces of one table, which all carry its title, become one."""
    joined: list[Chunk] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        title, _, rows = piece.text.partition("\n")
        if (
            last
            and piece.kind == "table" == last.kind
            and last.text.split("\n")[0] == title
            and rows
        ):
            joined[-1] = replace(
                last,
                text=f"{last.text}\n{rows}",
                boxes=(*last.boxes, *piece.boxes),
                codes=(*last.codes, *piece.codes),
                notices=(*last.notices, *piece.notices),
                last_page=piece.last_page,
                last_label=piece.last_label,
            )
        else:
            joined.append(piece)
    return joined


def pieces_of(hit: Hit, retrieval: Retrieval) -> tuple[Chunk, ...]:
    """The chunks that retrieval joined into ``hit``, in reading order; its own one if none were."""
    page = (hit.chunk.manual_id, hit.chunk.first_page)
    found = {
        other.chunk.id: other.chunk
        for other in retrieval.stages.get("reranked", ())
        if (other.chunk.manual_id, other.chunk.first_page) == page
    }
    pieces: list[Chunk] = []
    end = 0
    for chunk in sorted(found.values(), key=lambda chunk: chunk.position):
        if hit.chunk.text.startswith(chunk.text, end):
            pieces.append(chunk)
            end += len(chunk.text) + 1
    return tuple(pieces) if end == len(hit.chunk.text) + 1 else (hit.chunk,)


def _with_steps(chosen: Sequence[Chunk], section_of: SectionOf) -> list[Chunk]:
    """The pieces, a long procedure's part with the parts that it counts on from and up to."""
    known = {piece.id for piece in chosen}
    told: list[Chunk] = []
    for piece in chosen:
        steps = [piece]
        if piece.kind == "procedure":
            section = section_of(piece.manual_id, piece.heading)
            steps = with_neighbours(piece, section)
        told += [one for one in steps if one is piece or one.id not in known]
        known |= {one.id for one in steps}
    return told


def _begins(piece: Chunk) -> int:
    return piece.first_page


def _ends(piece: Chunk) -> int:
    return piece.last_page


def _titled(piece: Chunk) -> str:
    return f"{piece.heading[-1]}\n{piece.text}" if piece.heading else piece.text


def _section_of_notice(hit: Hit, relevance: Relevance, section_of: SectionOf) -> Passage:
    """The text of the section that a notice stands in, its steps if it has some."""
    notice = hit.chunk
    same = [
        chunk for chunk in section_of(notice.manual_id, notice.heading) if chunk.kind != "notice"
    ]
    if not same:
        return Passage(hit, (notice,))
    scores = relevance.scores([chunk.text for chunk in same], notice.language)
    steps = [chunk.kind == "procedure" for chunk in same]
    chosen = same[max(range(len(same)), key=lambda place: (steps[place], scores[place]))]
    linked = tuple(dict.fromkeys([*chosen.notices, notice.id]))
    elsewhere = (notice,) if notice.first_page != chosen.first_page else ()
    also_on = (*hit.also_on, *elsewhere)
    return Passage(replace(hit, chunk=replace(chosen, notices=linked), also_on=also_on), (chosen,))
