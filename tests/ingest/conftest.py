from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.parts import Parts, open_parts


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    parts = open_parts(tmp_path / "data")
    yield parts
    parts.close()
