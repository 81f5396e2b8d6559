"""The main environment has no ragas: there these tests are not collected."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.evals_judged.scripted_judge import ScriptedJudge
from tests.stand_in.ollama import OllamaStandIn

if find_spec("ragas") is None:
    collect_ignore_glob = ["test_*.py"]


def pytest_configure(config: pytest.Config) -> None:
    """ragas leaves a file of its own open."""
    leak = "ignore:.*ragas.uuid.json:pytest.PytestUnraisableExceptionWarning"
    config.addinivalue_line("filterwarnings", leak)


@pytest.fixture
def scripted() -> ScriptedJudge:
    return ScriptedJudge()


@pytest.fixture
def judging_server(scripted: ScriptedJudge) -> Iterator[OllamaStandIn]:
    """An Ollama that answers ragas' prompts as ``scripted`` says."""
    with OllamaStandIn(models=["judge"], answer=scripted) as server:
        yield server
