"""An int8 cross-encoder of MiniLM's size, for machines that cannot reach the model hub.

It has the inputs, the output, the size and the cost of ``ms-marco-MiniLM-L-6-v2``, and is loaded
the same way. Its scores are useful but not as good: the two texts share one pass through the
encoder without seeing each other, and the logit grows with the cosine of their mean vectors.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto

from rag.models import bert
from rag.models.catalogue import Model, WheelSource, find_model
from rag.models.folder import TOKENIZER_FILES, describe, read_manifest, write_manifest
from rag.models.wheel import fetch_wheel
from rag.types import Language

NAME = "stand-in/cosine-MiniLM-L6"
# Spread over the range of ms-marco's logits: cosine 0.1 gives -6, 0.4 gives 0, 0.8 gives 8.
_SCALE, _OFFSET = 20.0, -8.0


def build_reranker(
    models_dir: Path, *, languages: Sequence[Language] = ("en",), quantised: bool = True
) -> str:
    """Make the model in ``models_dir`` unless it is there; returns its name for the settings.

    Takes about 5 s once the weights are fetched.
    """
    source = find_model("all-MiniLM-L6-v2", "embedding")
    assert source is not None
    assert isinstance(source.source, WheelSource)
    model = Model(
        name=NAME,
        kind="reranker",
        languages=frozenset(languages),
        dimension=1,
        size_mb=24,
        licence="Apache-2.0",
        max_tokens=512,
        source=source.source,
    )
    target = models_dir / model.slug
    there = read_manifest(target)
    if there and set(there.languages) == set(languages):
        return NAME
    work = models_dir / ".partial"
    making = work / model.slug
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    folder = fetch_wheel(source.source, models_dir, work, offline=False, show=False)
    single = making / "single-precision.onnx"
    _write(folder, single)
    if quantised:
        bert.quantise(single, making / "model.onnx")
        single.unlink()
    else:
        single.rename(making / "model.onnx")
    bert.split_off_weights(making / "model.onnx")
    for name in (*TOKENIZER_FILES, "config.json", "special_tokens_map.json"):
        shutil.copyfile(folder / name, making / name)
    write_manifest(making, describe(model, making, "built for tests"))
    shutil.rmtree(target, ignore_errors=True)
    making.rename(target)
    shutil.rmtree(work / source.source.package)
    return NAME


def _write(folder: Path, target: Path) -> None:
    """The encoder over both texts, and a head that gives (batch, 1) logits."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = bert.read_safetensors(folder / "model.safetensors")
    graph = bert.Graph()
    one = graph.number(1.0)
    types = graph.add("Cast", "token_type_ids", to=TensorProto.FLOAT)
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    # The model was trained on single texts: its second token type is of no use.
    first = graph.add("Mul", "token_type_ids", graph.constant(np.array(0, dtype=np.int64)))
    hidden = bert.encoder(graph, weights, config, _apart(graph, types, mask, one), first)
    query = _mean(graph, hidden, graph.add("Mul", mask, graph.add("Sub", one, types)))
    passage = _mean(graph, hidden, graph.add("Mul", mask, types))
    cosine = graph.add("ReduceSum", graph.add("Mul", query, passage), graph.integers(1), keepdims=1)
    logits = graph.add("Add", graph.add("Mul", cosine, graph.number(_SCALE)), graph.number(_OFFSET))
    model = bert.model_of(graph, logits, "logits", ["batch", 1])
    target.write_bytes(model.SerializeToString())


def _apart(graph: bert.Graph, types: str, mask: str, one: str) -> str:
    """(batch, 1, tokens, tokens): 0 within the same text, -10000 across and on padding."""
    rows = graph.add("Unsqueeze", types, graph.integers(1, 3))
    columns = graph.add("Unsqueeze", types, graph.integers(1, 2))
    same = graph.add("Sub", one, graph.add("Abs", graph.add("Sub", rows, columns)))
    seen = graph.add("Mul", same, graph.add("Unsqueeze", mask, graph.integers(1, 2)))
    return graph.add("Mul", graph.add("Sub", seen, one), graph.number(10000.0))


def _mean(graph: bert.Graph, hidden: str, share: str) -> str:
    """(batch, hidden): the mean over the tokens of ``share``, with length 1."""
    wide = graph.add("Unsqueeze", share, graph.integers(2))
    total = graph.add("ReduceSum", graph.add("Mul", hidden, wide), graph.integers(1), keepdims=0)
    length = graph.add("ReduceL2", total, axes=[1], keepdims=1)
    return graph.add("Div", total, graph.add("Max", length, graph.number(1e-9)))
