"""The exported graphs against BERT in plain numpy, computed from the same weights."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tokenizers import Tokenizer

from rag.models import bert
from rag.models.embedder import Embedder
from tests.models.numpy_bert import NumpyBert

SENTENCES = [
    "Switch off the hydraulic press and lock the main switch before any maintenance.",
    "Tighten the cylinder head bolts to 180 Nm in three steps, crosswise.",
    "Fault E-104: oil temperature too high. Clean the oil cooler and check the fan.",
    "WARNING! Hot surfaces. Let the machine cool down for 30 minutes.",
    "Replace the oil filter every 500 operating hours or once a year.",
    "What is the maximum working pressure of the press?",
    "The standby pressure is set in the factory and must not be changed.",
    "Spare part 4711-0815: sealing set for the main cylinder",
    "Check the hoses for cracks, wear and leaks every week.",
    "Emergency stop",
    "Vor Wartungsarbeiten den Schraubenverdichter ausschalten und gegen Wiedereinschalten sichern.",
    "Ölfilter alle 500 Betriebsstunden wechseln, spätestens nach einem Jahr.",
    "Störung 104: Öltemperatur zu hoch. Kühler reinigen und Lüfter prüfen.",
    "GEFAHR! Lebensgefahr durch elektrische Spannung.",
    "Das Anziehdrehmoment der Zylinderkopfschrauben beträgt 180 Nm.",
    "Wie hoch ist der zulässige Betriebsüberdruck?",
    "Keilriemenspannung prüfen und gegebenenfalls nachspannen.",
    "Ersatzteilnummer 4711-0815: Dichtsatz für die Verdichterstufe",
    "Kondensatableiter wöchentlich auf Durchgang prüfen.",
    "e104",
]


@pytest.fixture(scope="module")
def reference(weights_dir: Path) -> np.ndarray:
    """(20, 384) vectors by numpy."""
    tokenizer = _tokenizer(weights_dir)
    config = json.loads((weights_dir / "config.json").read_text())
    model = NumpyBert(bert.read_safetensors(weights_dir / "model.safetensors"), config)
    return np.array([model.sentence_vector(tokenizer.encode(text).ids) for text in SENTENCES])


def _tokenizer(folder: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


@pytest.mark.slow
def test_single_precision_equals_numpy(
    weights_dir: Path, reference: np.ndarray, tmp_path: Path
) -> None:
    bert.write_encoder(weights_dir, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    # One batch with padding: what stands beside a text must not change its vector.
    tokenizer = _tokenizer(weights_dir)
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(SENTENCES)
    mask = np.array([each.attention_mask for each in encoded])
    states = session.run(
        ["last_hidden_state"],
        {
            "input_ids": np.array([each.ids for each in encoded]),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        },
    )[0]
    means = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
    cosines = (vectors * reference).sum(axis=1)
    assert len(SENTENCES) == 20
    assert cosines.min() > 0.999


@pytest.mark.slow
def test_int8_is_close_to_numpy(embedder: Embedder, reference: np.ndarray) -> None:
    vectors = np.array(embedder.embed_documents(SENTENCES))
    cosines = (vectors * reference).sum(axis=1)
    assert cosines.min() > 0.985


@pytest.mark.slow
def test_int8_keeps_the_order_of_neighbours(embedder: Embedder, reference: np.ndarray) -> None:
    vectors = np.array(embedder.embed_documents(SENTENCES))
    moved = np.abs(vectors @ vectors.T - reference @ reference.T)
    assert moved.max() < 0.06
    assert moved.mean() < 0.015


def test_reads_what_it_wrote(tmp_path: Path) -> None:
    tensor = np.arange(6, dtype=np.float32).reshape(2, 3)
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        }
    ).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + tensor.tobytes())
    assert bert.read_safetensors(path)["weight"].tolist() == tensor.tolist()


@pytest.mark.parametrize("kept", [4, 20, -1])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    header = json.dumps({"weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    path = tmp_path / "model.safetensors"
    whole = struct.pack("<Q", len(header)) + header + bytes(8)
    path.write_bytes(whole[:kept])
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        bert.read_safetensors(path)


def test_other_architectures_are_refused() -> None:
    with pytest.raises(ValueError, match="only BERT"):
        bert.encoder(bert.Graph(), {}, {"model_type": "roberta"}, "bias", "types")
