"""Finding prepared models, without loading any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.models.catalogue import MODELS, Kind, Model, find_model, models_of
from rag.models.folder import (
    MANIFEST,
    Manifest,
    choose,
    describe,
    faults,
    prepared,
    read_manifest,
    write_manifest,
)

# Licences that allow a plant to use a model for its business.
_FREE = {"MIT", "Apache-2.0"}


def _fill(folder: Path, graph: str = "model.onnx") -> None:
    for name in (graph, "tokenizer.json", "tokenizer_config.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")


def _put(models_dir: Path, model: Model) -> Manifest:
    folder = models_dir / model.slug
    _fill(folder)
    manifest = describe(model, folder, "a test")
    write_manifest(folder, manifest)
    return manifest


def test_the_catalogue_is_fit_for_business() -> None:
    assert {model.licence for model in MODELS} <= _FREE
    assert len({model.slug for model in MODELS}) == len(MODELS)
    assert {model.kind for model in MODELS} == {"embedding", "reranker"}


def test_multilingual_models_come_first() -> None:
    covered = [len(model.languages) for model in models_of("embedding")]
    assert covered == sorted(covered, reverse=True)
    assert covered[0] == 2


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("all-MiniLM-L6-v2", "embedding", "sentence-transformers/all-MiniLM-L6-v2"),
        ("baai/BGE-small-en-v1.5", "embedding", "BAAI/bge-small-en-v1.5"),
        ("ms-marco-MiniLM-L-6-v2", "reranker", "Xenova/ms-marco-MiniLM-L-6-v2"),
        ("ms-marco-MiniLM-L-6-v2", "embedding", None),
        ("jinaai/jina-reranker-v2-base-multilingual", "reranker", None),
    ],
)
def test_names_are_found_short_and_long(name: str, kind: Kind, found: str | None) -> None:
    model = find_model(name, kind)
    assert (model.name if model else None) == found


def test_auto_takes_the_best_that_is_there(tmp_path: Path) -> None:
    assert choose(tmp_path, "embedding", "auto") is None
    multilingual, english, wheel = models_of("embedding")
    for model in (wheel, english, multilingual):
        _put(tmp_path, model)
        chosen = choose(tmp_path, "embedding", "auto")
        assert chosen is not None
        assert chosen[1].name == model.name
    named = choose(tmp_path, "embedding", "all-minilm-l6-v2")
    assert named is not None
    assert named[1].name == wheel.name
    assert choose(tmp_path, "embedding", "none") is None
    assert choose(tmp_path, "reranker", "auto") is None


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    manifest = _put(tmp_path, MODELS[0])
    assert read_manifest(tmp_path / MODELS[0].slug) == manifest


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 3}', '{"name": "x", "files": {}}'])
def test_a_broken_manifest_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize(
    "place",
    [
        "multilingual-e5-small",
        "intfloat/multilingual-e5-small",
        "Xenova/multilingual-e5-small",
        "models--Xenova--multilingual-e5-small/snapshots/0123abc",
    ],
)
@pytest.mark.parametrize("graph", ["model.onnx", "onnx/model_quantized.onnx"])
def test_folders_copied_by_hand_are_found(tmp_path: Path, place: str, graph: str) -> None:
    _fill(tmp_path / place, graph)
    chosen = choose(tmp_path, "embedding", "auto")
    assert chosen is not None
    folder, manifest = chosen
    assert folder == tmp_path / place
    assert manifest.graph == graph
    assert manifest.query_prefix == "query: "


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json", "tokenizer_config.json"])
def test_half_a_copy_is_not_a_model(tmp_path: Path, missing: str) -> None:
    _fill(tmp_path / "multilingual-e5-small")
    (tmp_path / "multilingual-e5-small" / missing).unlink()
    assert prepared(tmp_path, "embedding") == []


def test_a_model_of_ones_own_needs_only_a_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "plant-model"
    _put(tmp_path, MODELS[-1])
    _fill(folder)
    fields = json.loads((tmp_path / MODELS[-1].slug / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**fields, "name": "plant/own-reranker"}))
    chosen = choose(tmp_path, "reranker", "own-reranker")
    assert chosen is not None
    assert chosen[0] == folder
    # The catalogue's model is preferred as long as nobody asks for the other.
    best = choose(tmp_path, "reranker", "auto")
    assert best is not None
    assert best[1].name == MODELS[-1].name


def test_changes_are_noticed(tmp_path: Path) -> None:
    manifest = _put(tmp_path, MODELS[0])
    folder = tmp_path / MODELS[0].slug
    assert faults(folder, manifest, checksums=True) == []
    graph = folder / "model.onnx"
    graph.write_text("CONTENT of model.onnx")
    assert faults(folder, manifest, checksums=False) == []
    assert faults(folder, manifest, checksums=True) == ["model.onnx has changed"]
    graph.write_text("longer")
    assert faults(folder, manifest, checksums=False)[0].startswith("model.onnx has 6 bytes")
    graph.unlink()
    assert faults(folder, manifest, checksums=False) == ["model.onnx is missing"]


def test_the_fingerprint_follows_what_changes_vectors(tmp_path: Path) -> None:
    manifest = _put(tmp_path, MODELS[0])
    folder = tmp_path / MODELS[0].slug
    fingerprints = {manifest.fingerprint}
    for name in ("model.onnx", "tokenizer.json", "model.onnx.data"):
        (folder / name).write_text("other")
        fingerprints.add(describe(MODELS[0], folder, "a test").fingerprint)
    assert len(fingerprints) == 4
    (folder / "config.json").write_text("{}")
    assert describe(MODELS[0], folder, "elsewhere").fingerprint in fingerprints
