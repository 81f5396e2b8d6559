"""The service's imports, in a process of their own: what is left out must not be missed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag.lean import STOOD_IN
from tests.served import PROJECT

# Everything that imports one of them: Chainlit, LangChain, and whom they bring.
_SCRIPT = """
import sys
from rag.lean import LeftOut, leave_out

leave_out()
import chainlit.server
import langchain_classic.retrievers
import langchain_core.tracers.event_stream
import langchain_ollama
import literalai
from mcp import ClientSession

try:
    ClientSession()
except RuntimeError as error:
    print(error)
try:
    import mcp.client.sse
except ModuleNotFoundError as error:
    print(error)
print(sorted(name for name in sys.modules if name.split(".")[0] in {"mcp", "traceloop"}))
print(sum(name.startswith("langsmith.types") for name in sys.modules))
"""


@pytest.mark.slow
def test_the_service_imports_without_them(tmp_path: Path) -> None:
    environment = {**os.environ, "CHAINLIT_APP_ROOT": str(tmp_path), "PYTHONPATH": str(PROJECT)}

    ended = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    used, imported, ours, types = ended.stdout.splitlines()
    assert "left out" in used
    assert "No module named 'mcp.client'" in imported
    assert ours == str(sorted(name for name in STOOD_IN if not name.startswith("langsmith")))
    assert types == "2"
