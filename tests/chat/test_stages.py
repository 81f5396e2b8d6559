"""Every step of an answer has a name in German and English: the fold-out shows no code words."""

from __future__ import annotations

import re
from pathlib import Path

from rag.messages import catalogue

RAG = Path(__file__).parents[2] / "rag"
_NAMED = re.compile(r"""(?:\.report|\.stage|\bStage)\(\s*"([a-z_0-9]+)\"""")


def test_every_stage_is_named() -> None:
    stages = {
        name
        for folder in ("answer", "retrieve")
        for path in (RAG / folder).glob("*.py")
        for name in _NAMED.findall(path.read_text(encoding="utf-8"))
    }
    assert {"bm25", "generate", "quote", "notices", "dense"} <= stages
    assert {name for name in stages if f"tool.stage_{name}" not in catalogue()} == set()
