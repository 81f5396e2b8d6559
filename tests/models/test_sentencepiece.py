"""Counting with a SentencePiece model, on one that is small enough to count by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from rag.models.sentencepiece import SentencePieces
from rag.models.tokenizer import SOURCES, load_counter
from rag.models.wheel import fetch_wheel
from rag.settings import Settings

_CONTROL = 3
# Joint pieces from the best to the worst; single letters last.
_PIECES = ["\u2581w", "ar", "er", "\u2581wart", "\u2581\u2581", "\u2581", *"wartex1"]


def _field(number: int, data: bytes) -> bytes:
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


def write_model(path: Path) -> Path:
    """``sentencepiece_model.proto`` by hand: a control piece, then ``_PIECES``, best first."""
    control = _field(1, b"<s>") + b"\x15" + struct.pack("<f", 0.0) + bytes([3 << 3, _CONTROL])
    model = _field(1, control)
    for place, piece in enumerate(_PIECES):
        score = b"\x15" + struct.pack("<f", -float(place))
        model += _field(1, _field(1, piece.encode()) + score)
    path.write_bytes(model + _field(2, b"the trainer's notes"))
    return path


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("wart", 3),  # ▁w ar t: the better pair first, so that ▁wart is never reached
        ("wart wart", 6),
        ("wart  er", 5),  # ▁w ar t, ▁▁ er
        ("w\nw", 3),  # ▁w, a byte for the line break, w
        ("ü", 3),  # ▁ and two bytes
        ("<s>", 4),  # a mark in a text is only text: ▁ and three bytes
    ],
)
def test_counts(tmp_path: Path, text: str, tokens: int) -> None:
    pieces = SentencePieces(write_model(tmp_path / "tokenizer.model"))
    assert pieces.count(text) == tokens


@pytest.mark.parametrize("content", [b"", b"no model", b"\x0a\x05\x0a", b"\xff" * 40])
def test_another_file_is_refused_and_the_estimate_stands(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.model").write_bytes(content)
    with pytest.raises(ValueError, match=r"not a SentencePiece model|no such kind"):
        SentencePieces(tmp_path / "tokenizer.model")
    settings = Settings(tokenizer_file=str(tmp_path / "tokenizer.model"))
    assert load_counter(settings) is None


def test_the_tokenizer_of_the_model_is_found_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "tokenizer-mistral"
    folder.mkdir()
    write_model(folder / "tokenizer.model")
    for model, there in [("mistral", True), ("library/mistral:7b-q4_0", True), ("nemo", False)]:
        found = load_counter(Settings(models_dir=tmp_path, ollama_model=model))
        assert (found is not None) == there


def test_a_tokenizer_json_counts_too(models_dir: Path) -> None:
    path = models_dir / "all-MiniLM-L6-v2" / "tokenizer.json"
    count = load_counter(Settings(tokenizer_file=str(path)))
    assert count is not None
    assert count("The pressure is 8 bar.") == 6  # the words, 8, bar and the full stop


@pytest.mark.slow
def test_mistrals_tokenizer_gives_the_counts_of_the_original_library(tmp_path: Path) -> None:
    """Canonical counts, made with sentencepiece 0.2."""
    source = SOURCES["mistral"]
    folder = fetch_wheel(source, tmp_path / "none", tmp_path, offline=False, show=False)
    pieces = SentencePieces(folder / source.file)
    for text, tokens in CANONICAL.items():
        assert pieces.count(text) == tokens, text


CANONICAL = {
    "What is the oil pressure?": 6,
    "Das Anzugsdrehmoment der Ölablassschraube beträgt 45 Nm (M22x1,5).": 32,
    "Tabelle 7 | Gewinde: M12 | 1.250 Nm\n\n  eingerückt · „Zitat“ 温度 ✓": 38,
}
