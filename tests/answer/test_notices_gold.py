"""Labelled places of the sample manuals: every notice that belongs is shown, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.harness import SAMPLES, Bench, build_library
from rag.answer.ask import ask
from rag.models.llm import chat_model
from rag.types import Notices, Scope
from tests.answer.conftest import NOWHERE, TECHNICIAN
from tests.stand_in.ollama import OllamaStandIn, Reply

GOLD = Path(__file__).parents[2] / "evals" / "gold" / "notices.jsonl"
PLACES = [json.loads(line) for line in GOLD.read_text(encoding="utf-8").splitlines() if line]

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    # The event loop is not running yet: reading the manuals brings its own.
    built = build_library(SAMPLES, ollama_base_url=NOWHERE, hyde="never")
    yield built
    built.close()


@pytest.mark.parametrize("writes", ["none", "nothing", "nonsense"])
async def test_all_notices_that_belong_are_shown(bench: Bench, writes: str) -> None:
    missing, foreign = [], []
    with OllamaStandIn() as ollama:
        url = NOWHERE if writes == "none" else ollama.url
        bench.settings = bench.settings.model_copy(update={"ollama_base_url": url})
        bench.llm = chat_model(bench.settings)
        for place in PLACES:
            if writes != "none":
                ollama.enqueue(Reply([]) if writes == "nothing" else "Blau ist die Nacht [9].")
            shown = await _shown(place, bench)
            texts = {text for text, _ in shown}
            missing += [(place["id"], text) for text in place["notices"] if text not in texts]
            foreign += [(place["id"], text) for text, file in shown if file not in place["manuals"]]

    assert len(PLACES) >= 50
    assert missing == []
    assert foreign == []


async def _shown(place: dict[str, Any], bench: Bench) -> list[tuple[str, str]]:
    """Text (without its signal word, as the gold has it) and file of each notice."""
    machines = tuple(one for one in bench.library.machines() if place["machine"] in one)
    asked = ask(place["question"], user=TECHNICIAN, scope=Scope(machines), history=(),
                services=bench)  # type: ignore[arg-type]  # fmt: skip
    shown: list[tuple[str, str]] = []
    async for event in asked:
        if isinstance(event, Notices):
            for notice in event.notices:
                manual = bench.library.manual(notice.manual_id)
                text = notice.text.removeprefix(notice.word).lstrip("\n")
                shown.append((text, manual.file_name if manual else ""))
    return shown
