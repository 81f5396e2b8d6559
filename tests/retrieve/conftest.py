from __future__ import annotations

from pathlib import Path

import pytest

from tests.retrieve.corpus import COMPRESSOR, PRESS, SmallServices, open_services, publish


@pytest.fixture
def services(tmp_path: Path) -> SmallServices:
    """A compressor KX-200 in German and a press HP-63 in English."""
    opened = open_services(tmp_path)
    publish(opened, "Schraubenkompressor KX-200", "de", COMPRESSOR)
    publish(opened, "Hydraulic press HP-63", "en", PRESS)
    return opened
