"""The story of finding: from a question to the passages that a model, or a reader, is given.

scope → exact code → BM25 → fusion with dense → closer look → (HyDE, and once more) → rerank →
dedup → verdict.
Every step reports a ``Stage`` with its time and its chunk ids.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from rag.codes import find_codes, fold_code
from rag.retrieve.closer import Looked, evidence_of, look_closer
from rag.retrieve.dedup import merge_duplicates
from rag.retrieve.exact import Exact, find_records, is_record_of_another
from rag.retrieve.hyde import write_passage
from rag.retrieve.join import join_pages
from rag.retrieve.rerank import covers, rerank
from rag.retrieve.scope import Narrowed, narrow, question_language
from rag.retrieve.search import OnStage, Search, Services, fuse, hydrate, ignore
from rag.retrieve.snapshot import Found, Snapshot
from rag.retrieve.verdict import Evidence, judge
from rag.store.library import is_in, machines_of
from rag.types import Hit, Language, ManualStatus, Retrieval, Scope, Verdict

_FINAL_DEPTH = 10
# Measured on the tune questions: the passages hold the answer's words for 0.88 of them with up to
# three pieces a page of the ten best, for 0.74 with one; the page is among the three for the same.
_DEDUP_DEPTH = 24
_JOIN_DEPTH = 10
_JOIN_MOST = 3
_JOIN_CHARACTERS = 1600


async def find_passages(
    question: str,
    scope: Scope,
    *,
    services: Services,
    on_stage: OnStage = ignore,
    use_language_model: bool = True,
) -> Retrieval:
    """The passages of the manuals in ``scope`` that answer ``question``, best first.

    ``question`` must stand on its own. ``use_language_model=False`` leaves HyDE out (the caller
    knows that the model is down). Raises ``StoreDown`` when the index cannot be read.
    """
    narrowed, search = await begin(question, scope, services, on_stage)
    notes = tuple(f"machine:{machine}" for machine in narrowed.named)
    if narrowed.outside or not search.manual_ids:
        reason = "machine_outside_scope" if narrowed.outside else "no_manual_in_scope"
        return Retrieval((), {}, "absent", notes=(*notes, reason))

    snapshot = await services.keywords.current()
    exact = await exact_records(search, snapshot, narrowed)
    found, fused = await first_pass(search, snapshot)
    looked = await look_closer(search, snapshot, found, fused)
    hyde_text = None
    if use_language_model and _wants_hyde(search, exact, evidence_of(search, looked, None)):
        hyde_text, fused = await _second_pass(search, snapshot, fused)
        looked = await look_closer(search, snapshot, found, fused)
    ranked = await _reranked(search, looked.hits)
    final = await asyncio.to_thread(_final, search, exact, ranked)

    verdict, sure = _judge(search, looked, ranked)
    if exact.records:
        verdict, sure = "found", 1.0
    else:
        unheard = looked.unsaid >= 1.0 and hyde_text is None
        if verdict == "absent" and (exact.missing or unheard):
            final = []  # not even worth a look
        if exact.missing or not final:
            verdict, sure = "absent", 0.0
    return Retrieval(
        hits=tuple(final[: services.settings.passages]),
        stages=search.stages,
        verdict=verdict,
        confidence=sure,
        missing_code=exact.missing,
        ambiguous_code=exact.ambiguous,
        hyde_text=hyde_text,
        notes=(*notes, *sorted(search.notes)),
    )


async def begin(
    question: str, scope: Scope, services: Services, on_stage: OnStage
) -> tuple[Narrowed, Search]:
    """Narrow the scope, and learn which manuals and languages it holds."""
    started = time.time_ns()

    active = await asyncio.to_thread(services.library.manuals, ManualStatus.ACTIVE)
    machines = machines_of(active)
    narrowed = narrow(question, scope, machines, services.keywords.glossary)
    inside = [] if narrowed.outside else [one for one in active if is_in(narrowed.scope, one)]
    ids = frozenset(manual.id for manual in inside)
    languages = frozenset(manual.language for manual in inside)
    default: Language = "en" if languages == {"en"} else "de"
    language = question_language(question, default, services.keywords.glossary)
    search = Search(
        question, language, ids, languages, narrowed.words, services, on_stage, machines
    )
    search.report("scope", started, (), machines=list(narrowed.named), manuals=len(ids))
    return narrowed, search


async def exact_records(search: Search, snapshot: Snapshot, narrowed: Narrowed) -> Exact:
    """The record of a code that the question names."""
    started = time.time_ns()
    library = search.services.library

    def look_up() -> Exact:
        names = {fold_code(machine) for machine in search.machines}
        names |= {fold_code(code) for machine in search.machines for code in find_codes(machine)}
        return find_records(
            search.question,
            search.manual_ids,
            library,
            lambda code: snapshot.stands_in(code, search.manual_ids),
            names,
        )

    exact = await asyncio.to_thread(look_up)
    if exact.asked:
        hits = [Hit(chunk, {"exact": rank}) for rank, chunk in enumerate(exact.records, 1)]
        search.report("exact", started, hits, asked=list(exact.asked))
    return exact


async def first_pass(search: Search, snapshot: Snapshot) -> tuple[Found, list[Hit]]:
    """BM25 with the glossary, and its fusion with the dense retriever."""
    started = time.time_ns()
    depth = search.services.settings.keyword_depth
    found = await asyncio.to_thread(
        snapshot.search,
        search.question,
        search.language,
        search.manual_ids,
        depth,
        search.manual_languages,
        quiet=search.quiet,
    )
    hits = await hydrate(search, {"bm25": list(zip(found.ids, found.scores, strict=True))})
    search.stages["bm25"] = tuple(hits)
    search.report("bm25", started, hits, unknown=list(found.unknown))
    return found, await fuse(search, found, hyde_text=None)


async def _second_pass(
    search: Search, snapshot: Snapshot, fused: list[Hit]
) -> tuple[str | None, list[Hit]]:
    """Search again with a passage that the language model imagines."""
    services = search.services
    started = time.time_ns()
    languages = search.manual_languages
    language = search.language if search.language in languages else min(languages)
    text = await write_passage(
        search.question, language, services.llm, timeout_s=services.settings.hyde_timeout_s
    )
    search.report("hyde", started, (), written=bool(text))
    if text is None:
        return None, fused
    found = await asyncio.to_thread(
        snapshot.search,
        search.question,
        search.language,
        search.manual_ids,
        services.settings.keyword_depth,
        search.manual_languages,
        # The imagined words help BM25 where the question is in another language than the manual.
        text if search.language not in languages else "",
        search.quiet,
    )
    return text, await fuse(search, found, hyde_text=text)


def _wants_hyde(search: Search, exact: Exact, evidence: Evidence) -> bool:
    services = search.services
    if services.settings.hyde == "never" or services.llm is None or exact.asked:
        return False
    if not _hyde_helps(search):
        return False
    return services.settings.hyde == "always" or judge(evidence)[0] != "found"


def _hyde_helps(search: Search) -> bool:
    """Whether an imagined passage could move a page forward: BM25 takes it only for a question in
    a foreign language, and vectors order only the languages that their model covers."""
    foreign = search.language not in search.manual_languages
    embedder = search.services.embedder if search.services.vectors else None
    return foreign or (embedder is not None and search.manual_languages <= embedder.languages)


async def _reranked(search: Search, fused: list[Hit]) -> list[Hit]:
    services = search.services
    depth = services.settings.rerank_depth
    if fused and covers(services.reranker, search.language, fused[:depth]):
        started = time.time_ns()
        fused = await rerank(search.question, fused, services.reranker, depth=depth)
        search.report("rerank", started, fused[:depth])
    search.stages["reranked"] = tuple(fused)
    return fused


def _final(search: Search, exact: Exact, ranked: list[Hit]) -> list[Hit]:
    """Exact records first, then the ranked passages; repetitions merged, other codes' records
    left out."""
    started = time.time_ns()
    first = [
        Hit(chunk, {"exact": rank}, {"exact": 1.0}) for rank, chunk in enumerate(exact.records, 1)
    ]
    known = {hit.chunk.id for hit in first}
    rest = [hit for hit in ranked if hit.chunk.id not in known]
    if exact.asked:
        rest = [hit for hit in rest if not is_record_of_another(hit.chunk, exact.asked)]
    candidates = [*first, *rest][:_DEDUP_DEPTH]
    merged = merge_duplicates(candidates, jaccard=search.services.settings.dedup_jaccard)
    pages = join_pages(merged, depth=_JOIN_DEPTH, most=_JOIN_MOST, characters=_JOIN_CHARACTERS)
    final = [
        replace(hit, ranks={**hit.ranks, "final": rank})
        for rank, hit in enumerate(pages[:_FINAL_DEPTH], 1)
    ]
    search.stages["final"] = tuple(final)
    search.report("dedup", started, final)
    return final


def _judge(search: Search, looked: Looked, ranked: Sequence[Hit]) -> tuple[Verdict, float]:
    """Whether the manuals hold an answer, and how sure that is."""
    started = time.time_ns()
    logit = next((hit.scores["rerank"] for hit in ranked if "rerank" in hit.scores), None)
    evidence = evidence_of(search, looked, logit)
    reranker = search.services.reranker
    verdict, sure = judge(evidence, reranker.name if reranker else "")
    search.report("verdict", started, (), **evidence.features(), confidence=sure)
    return verdict, sure
