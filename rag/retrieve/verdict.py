"""Do the manuals hold an answer? A calibrated decision from what the stages saw.

The thresholds are data (``thresholds.json``), made by ``python -m evals.retrieval --calibrate``
for the case with and without a reranker, and named after the models they were made with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rag.types import Verdict

FILE = Path(__file__).with_name("thresholds.json")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an answer. ``coverage`` is the idf-weighted share of the question's words
    that the best passage has (0 to 1), ``own`` the share that stands in the library at all,
    ``margin`` how far the best passage is ahead of the tenth (0 to 1), ``missing`` the share of the
    weightiest word that the best passage lacks, ``rerank`` a logit."""

    coverage: float
    own: float
    margin: float
    missing: float = 0.0
    rerank: float | None = None

    def features(self) -> dict[str, float]:
        named = {
            "coverage": self.coverage,
            "own": self.own,
            "margin": self.margin,
            "missing": self.missing,
        }
        return named if self.rerank is None else {**named, "rerank": self.rerank}


@cache
def _thresholds() -> dict[str, dict[str, float]]:
    read: dict[str, dict[str, float]] = json.loads(FILE.read_text(encoding="utf-8"))
    return read


def confidence(features: Mapping[str, float], model: Mapping[str, float]) -> float:
    """Probability (0 to 1) that the best passages answer the question: a logistic model."""
    total = model["bias"] + sum(model.get(name, 0.0) * value for name, value in features.items())
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))


def judge(evidence: Evidence) -> tuple[Verdict, float]:
    """``found``, ``weak`` or ``absent``, and the confidence it rests on."""
    limits = _thresholds()["without_reranker" if evidence.rerank is None else "with_reranker"]
    sure = confidence(evidence.features(), limits)
    if sure < limits["absent"]:
        return "absent", sure
    return ("weak" if sure < limits["weak"] else "found"), sure
