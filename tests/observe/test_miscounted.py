"""A prompt that the server counts otherwise than planned is a figure, not only a log line."""

from __future__ import annotations

from rag.observe.metrics import REGISTRY, _count_stage
from rag.types import Stage


def miscounted() -> float:
    return REGISTRY.get_sample_value("millwright_prompts_miscounted_total") or 0.0


def test_only_a_mismatch_counts() -> None:
    before = miscounted()
    _count_stage(Stage("generate", 0, 1, (), {"prompt_tokens_mismatch": False}))
    assert miscounted() == before
    _count_stage(Stage("generate", 0, 1, (), {"prompt_tokens_mismatch": True}))
    assert miscounted() == before + 1
