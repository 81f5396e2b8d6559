"""Another embedding model: its vectors are made in the background, and who asks meanwhile knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenPage
from tests.served import Service, copy_data, served
from tests.stand_in.qdrant import QdrantStandIn

LINE = "Der Suchindex wird gerade neu aufgebaut (1 %)"


@pytest.fixture(scope="module")
def changing(
    prepared: tuple[Path, dict[str, str]],
    models_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """A library that was read without an embedding model has one now. The vectors of the first
    passages are kept, the others wait at the Qdrant server."""
    folder = tmp_path_factory.mktemp("changing")
    data_dir = copy_data(prepared[0], folder / "data")
    gate = threading.Event()
    with QdrantStandIn(folder / "qdrant") as qdrant:
        qdrant.gate, qdrant.free_writes = gate, 1
        settings = {"EMBEDDING_MODEL": "all-MiniLM-L6-v2", "MODELS_DIR": str(models_dir)}
        with served(data_dir, passwords=prepared[1], QDRANT_URL=qdrant.url, **settings) as running:
            try:
                yield running
            finally:
                gate.set()


async def test_it_is_said_once_and_not_kept(changing: Service, open_page: OpenPage) -> None:
    person = await open_page(changing)
    line = person.page.get_by_text(LINE)
    await person.ask("Was bedeutet E-104?")
    await expect(line).to_be_visible()
    await person.ask("Wie oft wird das Öl gewechselt?")
    await expect(line).to_have_count(1)
    await person.page.reload()
    await expect(person.answers).to_have_count(2)
    await expect(line).to_have_count(0)


async def test_readiness_tells_the_operator(changing: Service) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{changing.address}/ready")
    assert answer.status_code == 200  # questions are answered
    embedder = answer.json()["parts"]["embedder"]
    assert embedder["state"] == "degraded"
    assert "vectors are being made anew, 8 of " in embedder["reason"]
