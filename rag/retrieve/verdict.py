"""Do the manuals hold an answer? A calibrated decision from what the stages saw.

The weights are data (``thresholds.json``), made by ``python -m evals.tuning`` on questions with and
without an answer, for the case without a reranker and for each reranker by its name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rag.types import Verdict

FILE = Path(__file__).with_name("thresholds.json")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an answer, and what against it.

    Of the sentence that says most of the question (``together.Nearness``): ``together`` and
    ``gap``.
    Of all passages looked at: ``unsaid``, the share of the question that none of them says;
    ``lacking``, the most that they lack of a word that the thesaurus has a name for: such a thing
    is not there, while a word that nobody knows may be a way of talking; ``unmeasured``, 1 when a
    quantity is asked for and none of them has a value of it.
    Of the question: ``words``, how many carry weight, and ``symptom``, 1 when it tells what the
    machine does, which everybody says in words of their own.
    ``parts`` is how much of a question for a part number stands in one record of a part,
    ``rerank`` the best logit.
    """

    together: float = 0.0
    gap: float = 1.0
    unsaid: float = 1.0
    lacking: float = 0.0
    unmeasured: float = 0.0
    words: float = 1.0
    symptom: float = 0.0
    parts: float = 0.7
    rerank: float | None = None

    def features(self) -> dict[str, float]:
        """By name; without ``rerank`` where there was none."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@cache
def thresholds() -> dict[str, Any]:
    """The file's content: ``without_reranker``, and ``rerankers`` by name."""
    read: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return read


def confidence(features: Mapping[str, float], model: Mapping[str, float]) -> float:
    """Probability (0 to 1) that the best passages answer the question: a logistic model."""
    total = model["bias"] + sum(model.get(name, 0.0) * value for name, value in features.items())
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))


def judge(
    evidence: Evidence, reranker: str = "", limits: Mapping[str, Any] | None = None
) -> tuple[Verdict, float]:
    """``found``, ``weak`` or ``absent``, and the confidence it rests on.

    Logits of different models do not compare: a ``reranker`` without weights of its own has no say.
    """
    known = limits or thresholds()
    model = known["without_reranker"]
    if evidence.rerank is not None:
        model = known["rerankers"].get(reranker, model)
    sure = confidence(evidence.features(), model)
    if sure < model["absent"]:
        return "absent", sure
    return ("weak" if sure < model["weak"] else "found"), sure
