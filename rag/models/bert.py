"""Write a BERT encoder (Devlin et al. 2018) as an ONNX graph from its safetensors weights.

The graph takes ``input_ids``, ``attention_mask`` and ``token_type_ids``, all (batch, tokens) int64,
and gives ``last_hidden_state`` (batch, tokens, hidden) float32, as FastEmbed expects it. Dropout
is left out: it does nothing when a trained model is used. Needs the ``onnx`` package, which the
running app never imports.
"""

from __future__ import annotations

import json
import logging
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Weights = dict[str, npt.NDArray[Any]]

# LayerNormalization needs opset 17; nothing newer is used, so that old runtimes can load the graph.
OPSET = 17
# Other weights are copied into another order when a model is loaded anyway.
_LARGE_BYTES = 1_000_000
_KEPT_LAYERS = (0, 1, 2)
_DTYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32}


def read_safetensors(path: Path) -> Weights:
    """The tensors of a safetensors file by name, memory-mapped and read-only.

    Format: 8 bytes little-endian length, a JSON header with offsets, then the raw tensors.
    Raises ``ValueError`` when the file is cut short or holds a type that BERT does not use.
    """
    with path.open("rb") as file:
        prefix = file.read(8)
        if len(prefix) < 8:
            raise ValueError(f"{path.name} is not a safetensors file")
        (length,) = struct.unpack("<Q", prefix)
        if length > path.stat().st_size - 8:
            raise ValueError(f"{path.name} is cut short")
        header = json.loads(file.read(length))
    data = np.memmap(path, mode="r", offset=8 + length)
    weights: Weights = {}
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        if tensor["dtype"] not in _DTYPES:
            raise ValueError(f"{path.name} holds {tensor['dtype']} tensors")
        start, end = tensor["data_offsets"]
        if end > len(data):
            raise ValueError(f"{path.name} is cut short")
        weights[name] = data[start:end].view(_DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
    return weights


@dataclass
class Graph:
    """A graph being written: ``add`` appends a node and returns the name of its output."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, value: npt.NDArray[Any], name: str = "") -> str:
        name = name or f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, dtype=np.int64))

    def number(self, value: float) -> str:
        return self.constant(np.array(value, dtype=np.float32))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operator.lower()}_{len(self.nodes)}"
        attributes.setdefault("name", output)
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def linear(
        self, value: str, weight: npt.NDArray[Any], bias: npt.NDArray[Any], **attributes: str
    ) -> str:
        """``value @ weight.T + bias``; PyTorch keeps its weights (out, in)."""
        product = self.add("MatMul", value, self.constant(weight.T), **attributes)
        return self.add("Add", product, self.constant(bias))


def _layer_norm(graph: Graph, value: str, weights: Weights, name: str, epsilon: float) -> str:
    return graph.add(
        "LayerNormalization",
        value,
        graph.constant(weights[f"{name}.weight"]),
        graph.constant(weights[f"{name}.bias"]),
        axis=-1,
        epsilon=epsilon,
    )


def _embeddings(graph: Graph, weights: Weights, token_types: str, epsilon: float) -> str:
    """Word, position and token-type embeddings, summed and normalised."""
    words = graph.add(
        "Gather",
        graph.constant(weights["embeddings.word_embeddings.weight"], "word_embeddings"),
        "input_ids",
    )
    length = graph.add(
        "Slice", graph.add("Shape", "input_ids"), graph.integers(1), graph.integers(2)
    )
    positions = graph.add(
        "Slice",
        graph.constant(weights["embeddings.position_embeddings.weight"]),
        graph.integers(0),
        length,
        graph.integers(0),
    )
    types = graph.add(
        "Gather", graph.constant(weights["embeddings.token_type_embeddings.weight"]), token_types
    )
    total = graph.add("Add", graph.add("Add", words, types), positions)
    return _layer_norm(graph, total, weights, "embeddings.LayerNorm", epsilon)


def _attention(graph: Graph, value: str, bias: str, weights: Weights, name: str, heads: int) -> str:
    """Multi-head self-attention; query, key and value come from one product, which is faster."""
    parts = [f"{name}.self.{part}" for part in ("query", "key", "value")]
    hidden = weights[f"{parts[0]}.bias"].shape[0]
    joined = graph.linear(
        value,
        np.concatenate([weights[f"{part}.weight"] for part in parts]),
        np.concatenate([weights[f"{part}.bias"] for part in parts]),
    )
    # (batch, tokens, 3 × hidden) → (3, batch, heads, tokens, hidden / heads)
    split = graph.add("Reshape", joined, graph.integers(0, 0, 3, heads, hidden // heads))
    query, key, content = (
        graph.add(
            "Gather",
            graph.add("Transpose", split, perm=[2, 0, 3, 1, 4]),
            graph.constant(np.array(part, dtype=np.int64)),
            axis=0,
        )
        for part in range(3)
    )
    scores = graph.add("MatMul", query, graph.add("Transpose", key, perm=[0, 1, 3, 2]))
    scaled = graph.add("Mul", scores, graph.number((hidden // heads) ** -0.5))
    shares = graph.add("Softmax", graph.add("Add", scaled, bias), axis=-1)
    mixed = graph.add("Transpose", graph.add("MatMul", shares, content), perm=[0, 2, 1, 3])
    return graph.linear(
        graph.add("Reshape", mixed, graph.integers(0, 0, hidden)),
        weights[f"{name}.output.dense.weight"],
        weights[f"{name}.output.dense.bias"],
    )


def _gelu(graph: Graph, value: str) -> str:
    """x/2 · (1 + erf(x/√2)), the exact form that BERT was trained with."""
    error = graph.add("Erf", graph.add("Div", value, graph.number(2**0.5)))
    scaled = graph.add("Mul", value, graph.add("Add", error, graph.number(1.0)))
    return graph.add("Mul", scaled, graph.number(0.5))


def attention_bias(graph: Graph) -> str:
    """(batch, 1, 1, tokens): 0 where there is a token, -10000 where there is padding."""
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    wide = graph.add("Unsqueeze", mask, graph.integers(1, 2))
    return graph.add("Mul", graph.add("Sub", wide, graph.number(1.0)), graph.number(10000.0))


def encoder(
    graph: Graph, weights: Weights, config: dict[str, Any], bias: str, token_types: str
) -> str:
    """Append a whole BERT encoder; returns the name of its last hidden state."""
    if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
        raise ValueError("only BERT encoders with the exact GELU can be written")
    epsilon = float(config["layer_norm_eps"])
    value = _embeddings(graph, weights, token_types, epsilon)
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        attended = _attention(
            graph, value, bias, weights, f"{name}.attention", config["num_attention_heads"]
        )
        value = _layer_norm(
            graph,
            graph.add("Add", value, attended),
            weights,
            f"{name}.attention.output.LayerNorm",
            epsilon,
        )
        inner = graph.linear(
            value,
            weights[f"{name}.intermediate.dense.weight"],
            weights[f"{name}.intermediate.dense.bias"],
        )
        outer = graph.linear(
            _gelu(graph, inner),
            weights[f"{name}.output.dense.weight"],
            weights[f"{name}.output.dense.bias"],
            name=f"{name}.output",
        )
        value = _layer_norm(
            graph, graph.add("Add", value, outer), weights, f"{name}.output.LayerNorm", epsilon
        )
    return value


def model_of(graph: Graph, result: str, name: str, shape: list[int | str]) -> onnx.ModelProto:
    """The finished, checked model: BERT's three inputs, and ``result`` under ``name``."""
    graph.nodes.append(helper.make_node("Identity", [result], [name]))
    inputs = [
        helper.make_tensor_value_info(each, TensorProto.INT64, ["batch", "tokens"])
        for each in ("input_ids", "attention_mask", "token_type_ids")
    ]
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    model = helper.make_model(
        helper.make_graph(graph.nodes, "bert", inputs, [output], graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="millwright",
        ir_version=8,  # the one that belongs to opset 17
    )
    onnx.checker.check_model(model)
    return model


def write_encoder(folder: Path, target: Path) -> None:
    """Write ``model.safetensors`` and ``config.json`` of ``folder`` as an fp32 ONNX file."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = read_safetensors(folder / "model.safetensors")
    graph = Graph()
    hidden = encoder(graph, weights, config, attention_bias(graph), "token_type_ids")
    model = model_of(graph, hidden, "last_hidden_state", ["batch", "tokens", config["hidden_size"]])
    target.write_bytes(model.SerializeToString())


def quantise(source: Path, target: Path) -> None:
    """Write ``source``, a graph of ``encoder``, with int8 weights (dynamic, per output channel).

    Weights keep to 7 bits: on processors without VNNI the 16-bit sums of full int8 products
    overflow, and the same manual would give worse vectors there. Behind the GELU of the first
    layers few values are very large, and one scale for all is too coarse: these products stay in
    single precision, which takes 5 MB and lifts the least cosine from 0.981 to 0.991.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    root.addFilter(_recommends_preprocessing)
    try:
        quantize_dynamic(
            source,
            target,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[f"encoder.layer.{layer}.output" for layer in _KEPT_LAYERS],
        )
    finally:
        root.removeFilter(_recommends_preprocessing)


def split_off_weights(path: Path) -> None:
    """Move the graph's large tensors (the vocabulary's) to a file beside it, ``….data``.

    The runtime maps such a file instead of copying it: 12 MB less anonymous memory for a MiniLM,
    96 MB less for a multilingual model.
    """
    model = onnx.load(path)
    data = path.with_name(f"{path.name}.data")
    onnx.save(
        model,
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=data.name,
        size_threshold=_LARGE_BYTES,
    )
    if data.exists():
        # onnx makes it readable for its owner only; an image runs as somebody else.
        data.chmod(path.stat().st_mode)


def _recommends_preprocessing(record: logging.LogRecord) -> bool:
    """Drop one recommendation: the graph written here has nothing that could be folded."""
    return "pre-processing before quantization" not in record.getMessage()
