"""Prepared models: a folder each under ``models_dir``, with a manifest of its checksums.

A folder is found by its manifest, or, when a plant has copied one by hand without a manifest, by
a name of the catalogue ("multilingual-e5-small", "intfloat/multilingual-e5-small", or the hub
cache's "models--intfloat--multilingual-e5-small"). A manifest may also describe a model that is
not in the catalogue.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rag.models.catalogue import HubSource, Kind, Model, Pooling, models_of
from rag.types import Language

MANIFEST = "manifest.json"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
_GRAPHS = ("model.onnx", "onnx/model_quantized.onnx", "model_quantized.onnx", "onnx/model.onnx")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a prepared folder. ``files`` maps each file to its sha256 and size in bytes."""

    name: str
    kind: Kind
    languages: tuple[Language, ...]
    dimension: int
    max_tokens: int
    graph: str
    pooling: Pooling = "mean"
    query_prefix: str = ""
    passage_prefix: str = ""
    licence: str = ""
    source: str = ""
    files: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Changes when the model's output would: weights, vocabulary, prefixes, pooling, cut."""
        parts: list[Any] = [self.kind, self.name, self.dimension, self.max_tokens, self.pooling]
        parts += [self.query_prefix, self.passage_prefix]
        contents = [self.graph, f"{self.graph}.data", "tokenizer.json"]
        parts += [self.files[name][0] for name in contents if name in self.files]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(model: Model, folder: Path, source: str) -> Manifest:
    """A manifest for ``folder`` as a copy of ``model``. Raises ``FileNotFoundError``."""
    graph = next((name for name in _GRAPHS if (folder / name).is_file()), None)
    if graph is None:
        raise FileNotFoundError(f"{folder} holds no ONNX graph")
    names = [graph, *TOKENIZER_FILES]
    further = (f"{graph}.data", "config.json", "special_tokens_map.json")
    names += [name for name in further if (folder / name).is_file()]
    return Manifest(
        name=model.name,
        kind=model.kind,
        languages=tuple(sorted(model.languages)),
        dimension=model.dimension,
        max_tokens=model.max_tokens,
        graph=graph,
        pooling=model.pooling,
        query_prefix=model.query_prefix,
        passage_prefix=model.passage_prefix,
        licence=model.licence,
        source=source,
        files={name: (sha256_of(folder / name), (folder / name).stat().st_size) for name in names},
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Written beside and renamed, so that a kill leaves either no manifest or a whole one."""
    beside = folder / f".{MANIFEST}.{os.getpid()}"
    beside.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    beside.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest | None:
    """The folder's manifest; ``None`` when there is none or it cannot be read."""
    try:
        fields = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        fields["files"] = {name: (sha, size) for name, (sha, size) in fields["files"].items()}
        fields["languages"] = tuple(fields["languages"])
        manifest = Manifest(**fields)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if not {manifest.graph, *TOKENIZER_FILES} <= manifest.files.keys():
        return None
    return manifest


def faults(folder: Path, manifest: Manifest, *, checksums: bool) -> list[str]:
    """What is wrong with the folder's files: missing, other size, other content. Empty: fine."""
    found = []
    for name, (sha256, size) in manifest.files.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != size:
            found.append(f"{name} has {path.stat().st_size} bytes instead of {size}")
        elif checksums and sha256_of(path) != sha256:
            found.append(f"{name} has changed")
    return found


def _places(models_dir: Path, model: Model) -> Iterator[Path]:
    """Where a copy of ``model`` may lie, its own folder first."""
    yield models_dir / model.slug
    names = [model.name]
    if isinstance(model.source, HubSource):
        names.append(model.source.repository)
    for name in names:
        yield models_dir / name
        cache = models_dir / f"models--{name.replace('/', '--')}" / "snapshots"
        if cache.is_dir():
            yield from sorted(cache.iterdir())


def find_folder(models_dir: Path, model: Model) -> Path | None:
    """The folder that holds a complete copy of a model of the catalogue, with manifest or not."""
    for folder in _places(models_dir, model):
        manifest = read_manifest(folder)
        if manifest and manifest.name == model.name:
            if not faults(folder, manifest, checksums=False):
                return folder
        elif all((folder / name).is_file() for name in TOKENIZER_FILES) and any(
            (folder / name).is_file() for name in _GRAPHS
        ):
            return folder
    return None


def prepared(models_dir: Path, kind: Kind) -> list[tuple[Path, Manifest]]:
    """All usable models of one kind: the catalogue's in its order, then others by name.

    Sizes are compared, checksums are not (``python -m rag.models`` does that).
    """
    found: list[tuple[Path, Manifest]] = []
    for model in models_of(kind):
        folder = find_folder(models_dir, model)
        if folder is not None:
            found.append((folder, read_manifest(folder) or describe(model, folder, "by hand")))
    names = {manifest.name for _, manifest in found}
    for folder in sorted(models_dir.glob("*/")) if models_dir.is_dir() else []:
        manifest = read_manifest(folder)
        if manifest is None or manifest.kind != kind or manifest.name in names:
            continue
        if not faults(folder, manifest, checksums=False):
            found.append((folder, manifest))
    return found


def choose(models_dir: Path, kind: Kind, name: str) -> tuple[Path, Manifest] | None:
    """The prepared model that ``name`` asks for; "auto": the best one; "none": none."""
    if name.casefold() == "none":
        return None
    candidates = prepared(models_dir, kind)
    if name.casefold() == "auto":
        return candidates[0] if candidates else None
    wanted = name.casefold()
    for folder, manifest in candidates:
        if wanted in (manifest.name.casefold(), manifest.name.rsplit("/", 1)[-1].casefold()):
            return folder, manifest
    return None
