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
from rag.types import Notices, Scope, Sources
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
    missing, foreign, not_cited = [], [], []
    with OllamaStandIn() as ollama:
        url = NOWHERE if writes == "none" else ollama.url
        bench.settings = bench.settings.model_copy(update={"ollama_base_url": url})
        bench.llm = chat_model(bench.settings)
        for place in PLACES:
            if writes != "none":
                ollama.enqueue(Reply([]) if writes == "nothing" else "Blau ist die Nacht [9].")
            shown, pages = await _shown(place, bench)
            texts = {text for text, _ in shown}
            lacking = [(place["id"], text) for text in place["notices"] if text not in texts]
            if lacking and not pages & set(place["pages"]):
                not_cited.append(place["id"])  # the place was not found: finding is tested there
            else:
                missing += lacking
            foreign += [(place["id"], text) for text, file in shown if file not in place["manuals"]]

    assert len(PLACES) >= 50
    assert missing == []
    assert len(not_cited) <= 2
    assert foreign == []


async def _shown(place: dict[str, Any], bench: Bench) -> tuple[list[tuple[str, str]], set[int]]:
    """Text (without its signal word, as the gold has it) and file of each notice; cited pages."""
    machines = tuple(one for one in bench.library.machines() if place["machine"] in one)
    asked = ask(place["question"], user=TECHNICIAN, scope=Scope(machines), history=(),
                services=bench)  # type: ignore[arg-type]  # fmt: skip
    shown: list[tuple[str, str]] = []
    pages: set[int] = set()
    async for event in asked:
        if isinstance(event, Sources):
            for one in event.citations:
                pages.update(range(one.page, one.last_page + 1))
        if isinstance(event, Notices):
            for notice in event.notices:
                manual = bench.library.manual(notice.manual_id)
                text = notice.text.removeprefix(notice.word).lstrip("\n")
                shown.append((text, manual.file_name if manual else ""))
    return shown, pages
