"""Services that several test files share: starting one and reading the samples takes a minute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import Service, copy_data, served
from tests.stand_in.ollama import OllamaStandIn


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A data folder with the sample manuals and the first accounts, and their passwords."""
    data_dir = tmp_path_factory.mktemp("prepared") / "data"
    with served(data_dir) as service:
        passwords = service.passwords
    return data_dir, passwords


@pytest.fixture(scope="session")
def service(
    prepared: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Without a language model: answers are quotations. Uploads up to 2 MB."""
    data_dir = copy_data(prepared[0], tmp_path_factory.mktemp("quoting") / "data")
    with served(data_dir, passwords=prepared[1], MAX_UPLOAD_MB="2") as running:
        yield running


@pytest.fixture(scope="session")
def ollama() -> Iterator[OllamaStandIn]:
    """The stand-in that ``service_with_model`` asks."""
    with OllamaStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def operated(
    prepared: tuple[Path, dict[str, str]],
    ollama: OllamaStandIn,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """As an operator may run it: a JSON log that tells everything, and limits as they come."""
    data_dir = copy_data(prepared[0], tmp_path_factory.mktemp("operated") / "data")
    settings = {"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG", "TRUSTED_PROXIES": "127.0.0.2/32"}
    with served(data_dir, passwords=prepared[1], OLLAMA_BASE_URL=ollama.url, **settings) as running:
        yield running


@pytest.fixture(scope="session")
def service_with_model(
    prepared: tuple[Path, dict[str, str]],
    ollama: OllamaStandIn,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """Every answer is written anew: tests tell the stand-in what to say."""
    data_dir = copy_data(prepared[0], tmp_path_factory.mktemp("writing") / "data")
    settings = {"OLLAMA_BASE_URL": ollama.url, "CACHE_MB": "0"}
    with served(data_dir, passwords=prepared[1], **settings) as running:
        yield running
