from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.retrieve.corpus import COMPRESSOR, PRESS, SmallServices, open_services, publish
from tests.stand_in.ollama import OllamaStandIn


@pytest.fixture
def services(tmp_path: Path) -> SmallServices:
    """A compressor KX-200 in German and a press HP-63 in English."""
    opened = open_services(tmp_path)
    publish(opened, "Schraubenkompressor KX-200", "de", COMPRESSOR)
    publish(opened, "Hydraulic press HP-63", "en", PRESS)
    return opened


@pytest.fixture
def ollama() -> Iterator[OllamaStandIn]:
    with OllamaStandIn() as server:
        yield server
