"""A Redis of Debian's package, for the tests alone: own port, nothing kept."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

REDIS = shutil.which("redis-server")


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Its address, until the block ends."""
    port = free_port()
    with subprocess.Popen(
        [REDIS or "", "--port", str(port), "--save", "", "--dir", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert any("Ready to accept connections" in line for line in process.stdout)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.communicate()
