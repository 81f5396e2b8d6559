"""The language model's tokenizer, when there is one: exact token counts before a prompt is sent.

Looked for: the file that ``tokenizer_file`` names, else ``models_dir/tokenizer-<model>/`` with a
``tokenizer.model`` (SentencePiece) or a ``tokenizer.json``. ``python -m rag.models`` fetches those
of ``SOURCES``; any other can be copied there by hand.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from rag.models.catalogue import WheelSource
from rag.settings import Settings

log = logging.getLogger(__name__)

FILES = ("tokenizer.model", "tokenizer.json")
# Mistral's own package carries the tokenizer of its 7B models (v0.3, Apache-2.0); the repository
# on the model hub wants a log-in. Tags of the same name share it, "mistral-nemo" does not.
SOURCES = {
    "mistral": WheelSource(
        package="mistral-common",
        version="1.13.1",
        sha256="98b4d0755b8d90bf4691fa8f1b70cb3b4a8cd4dc1653c4ed08ef3d1c7d2c29af",
        folder="mistral_common/data",
        weights_sha256="9addc8bdce5988448ae81b729336f43a81262160ae8da760674badab9d4c7d33",
        file="mistral_instruct_tokenizer_240323.model.v3",
    )
}


def base_name(model: str) -> str:
    """ "mistral" of "library/mistral:7b-instruct-q4_0": what Ollama's tags have in common."""
    return model.rsplit("/", 1)[-1].split(":", 1)[0].casefold()


def folder_of(models_dir: Path, model: str) -> Path:
    return models_dir / f"tokenizer-{base_name(model)}"


def find_tokenizer(settings: Settings) -> Path | None:
    """The tokenizer file of the language model, or ``None``."""
    if settings.tokenizer_file:
        return Path(settings.tokenizer_file)
    folder = folder_of(settings.models_dir, settings.ollama_model)
    return next((folder / name for name in FILES if (folder / name).is_file()), None)


def load_counter(settings: Settings) -> Callable[[str], int] | None:
    """A function that counts tokens exactly; ``None``: there is no tokenizer, or none that loads.

    Takes 0.1 to 0.5 s: call it in a thread, once.
    """
    path = find_tokenizer(settings)
    if path is None:
        return None
    try:
        if path.suffix == ".json":
            return _of_library(path)
        from rag.models.sentencepiece import SentencePieces

        return SentencePieces(path).count
    except (OSError, ValueError) as error:
        log.warning("no exact token counts: %s cannot be used (%s)", path, error)
        return None


def _of_library(path: Path) -> Callable[[str], int]:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare exceptions
        raise ValueError(str(error)) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count
