"""Everything about one answer that is measured without a judge.

A metric is ``None`` where it does not apply, and is then counted nowhere. Those that mean what
ragas means (id-based and string-based context precision and recall) follow its definitions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from evals.answers import comparable
from evals.answers import judge as judge_answer
from evals.retrieval import CUTS, Result

Metrics = dict[str, float | None]
Place = tuple[str, int]  # file name and physical page

# For all others more is better.
LOWER_IS_BETTER = frozenset(
    {
        "false_refusal",
        "false_answer",
        "failed",
        "repeated_passage",
        "passages_cut",
        "prompt_mismatch",
        "noise_sensitivity",
    }
)
LATENCIES = ("ms", "first_token_ms")
# ragas counts a reference context as found from this similarity on (NonLLMContextRecall).
SIMILAR = 0.5
# A quotation stands on its page when most of its words do: table rows are told with their
# headers, which may stand on the page before.
QUOTED = 0.8
_WORD = re.compile(r"\w+")


def retrieval_metrics(result: Result) -> Metrics:
    """Ranks of the right page; ``final`` without prefix, the stages before it with theirs."""
    measured: Metrics = {}
    if not result.question.manuals:
        return measured
    for stage in result.retrieval.stages:
        rank = result.ranks[stage]
        prefix = "" if stage == "final" else f"{stage}/"
        for cut in CUTS:
            measured[f"{prefix}hit@{cut}"] = float(rank is not None and rank <= cut)
        measured[f"{prefix}mrr"] = 1 / rank if rank else 0.0
        measured[f"{prefix}ndcg@10"] = result.gains[stage]
    return measured


def context_metrics(
    question: dict[str, Any], contexts: Sequence[str], places: Sequence[frozenset[Place]]
) -> Metrics:
    """Precision and recall of the passages that the answer rests on.

    ``places`` are the pages of each passage. By id: a passage is right when it lies on a gold
    page; recall is over gold pages. By text: over the gold passage and its nearest part.
    """
    if not question["manuals"]:
        return {}
    gold = gold_places(question)
    covered = frozenset().union(*places) & gold
    measured: Metrics = {
        "context_precision_id": mean([float(bool(place & gold)) for place in places]),
        "context_recall_id": len(covered) / len(gold),
    }
    if question.get("passage"):
        likeness = [part_similarity(question["passage"], context) for context in contexts]
        similar = [one >= SIMILAR for one in likeness]
        measured["context_precision_text"] = average_precision(similar)
        measured["context_recall_text"] = float(any(similar))
    return measured


def answer_metrics(
    question: dict[str, Any],
    text: str,
    cited: Sequence[Place],
    *,
    refused: bool,
    doubted: bool = False,
) -> Metrics:
    """Facts, pages and refusals. ``cited`` are the pages that the answer's citations lead to."""
    judged = judge_answer(question, text, cited, refused=refused, doubted=doubted)
    measured: Metrics = {
        name: None if value is None else float(value) for name, value in judged.items()
    }
    if not question["manuals"]:
        measured["false_answer"] = float(not refused)
        return measured
    measured["false_refusal"] = float(refused)
    gold = gold_places(question)
    if cited and not refused:
        measured["citation_precision"] = mean([float(place in gold) for place in set(cited)])
    measured["citation_recall"] = len(gold & set(cited)) / len(gold) if not refused else 0.0
    if question.get("values"):
        said = squeezed(text)
        found = [float(squeezed(value) in said) for value in question["values"]]
        measured["values"] = mean(found) if not refused else 0.0
    return measured


def notice_metrics(question: dict[str, Any], shown: Sequence[str]) -> Metrics:
    """The share of the notices that belong to the question's place and were shown word for word."""
    if not question.get("notices"):
        return {}
    texts = [comparable(text) for text in shown]
    found = [any(comparable(wanted) in text for text in texts) for wanted in question["notices"]]
    return {"notices_shown": mean([float(one) for one in found])}


def gold_places(question: dict[str, Any]) -> frozenset[Place]:
    return frozenset((name, page) for name in question["manuals"] for page in question["pages"])


def quoted_on_page(quote: str, page_text: str) -> float:
    """1 when a citation's quotation stands on the pages that it names, else 0."""
    wanted = _WORD.findall(comparable(quote))
    standing = set(_WORD.findall(comparable(page_text)))
    known = sum(word in standing for word in wanted)
    return float(not wanted or known / len(wanted) >= QUOTED)


def squeezed(text: str) -> str:
    """For finding values: "25 Nm" and "25Nm" are the same."""
    return comparable(text).replace(" ", "")


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def average_precision(relevant: Sequence[bool]) -> float:
    """ragas' context precision: the mean of precision@k over the ranks k of relevant contexts."""
    precisions = [sum(relevant[:k]) / k for k in range(1, len(relevant) + 1) if relevant[k - 1]]
    return mean(precisions)


def part_similarity(wanted: str, text: str) -> float:
    """1 - Levenshtein distance / length, of ``wanted`` and the part of ``text`` nearest to it.

    ragas compares whole texts; a gold passage is one sentence of a context, so that its other
    sentences must not count as errors (Sellers 1980: the distance may begin and end anywhere).
    """
    one = np.array([ord(c) for c in comparable(wanted)], np.int32)
    other = np.array([ord(c) for c in comparable(text)], np.int32)
    if not len(one) or not len(other):
        return float(len(one) == len(other))
    steps = np.arange(len(other) + 1, dtype=np.int32)
    row = np.zeros(len(other) + 1, np.int32)
    for place, letter in enumerate(one, 1):
        nearest = np.minimum(row[1:] + 1, row[:-1] + (other != letter))
        best = np.concatenate(([place], nearest)).astype(np.int32)
        row = np.minimum.accumulate(best - steps) + steps
    return float(1 - row.min() / len(one))


def cosine(one: Collection[float], other: Collection[float]) -> float:
    """Semantic similarity of two texts by their embeddings, as ragas' SemanticSimilarity."""
    a, b = np.array(list(one)), np.array(list(other))
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length else 0.0
