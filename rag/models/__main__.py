"""``python -m rag.models``: prepare and verify the models; under a second when all is there."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

from rag.errors import RagError
from rag.messages import language_of_shell, say
from rag.models.catalogue import models_of
from rag.models.prepare import Outcome, Preparation, alone, verify
from rag.settings import read_settings

# What a run without a model hub goes through; only for the length of the bar.
_STEPS = 6
_WIDTH = 24


class Console:
    """Says what is being done: a bar that is redrawn on a terminal, a line each elsewhere."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self._done = 0
        self._started = time.monotonic()

    def step(self, text: str) -> None:
        seconds = time.monotonic() - self._started
        if not self.terminal:
            print(f"  {seconds:4.1f} s  {text}", flush=True)
            return
        filled = min(_WIDTH - 1, self._done * _WIDTH // _STEPS)
        self._done += 1
        bar = "█" * filled + "░" * (_WIDTH - filled)
        sys.stderr.write(f"\r\x1b[K{bar} {seconds:3.0f} s  {text}")
        sys.stderr.flush()

    def close(self) -> None:
        if self.terminal and self._done:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m rag.models", description=__doc__)
    settings = read_settings()
    parser.add_argument(
        "--embedding",
        metavar="NAME",
        default=settings.embedding_model,
        help="embedding model of the catalogue, `auto` or `none`",
    )
    parser.add_argument(
        "--reranker",
        metavar="NAME",
        default=settings.reranker_model,
        help="cross-encoder of the catalogue, `auto` or `none`",
    )
    parser.add_argument(
        "--verify", action="store_true", help="only compare checksums; exit 1 when one is wrong"
    )
    parser.add_argument("--offline", action="store_true", help="use no network")
    arguments = parser.parse_args()
    arguments.models_dir = settings.models_dir
    arguments.language_model = settings.ollama_model
    arguments.tokenizer_file = settings.tokenizer_file
    return arguments


def _verify(models_dir: Path) -> int:
    found = verify(models_dir)
    for name, faults in found.items():
        print(f"{name}: {', '.join(faults) or 'as it was prepared'}.")
    if not found:
        print(f"No model is prepared in {models_dir}.")
    return 1 if any(found.values()) else 0


def _report(outcome: Outcome) -> str:
    """One sentence for the console."""
    if outcome.manifest:
        languages = " and ".join(sorted(outcome.manifest.languages))
        said = f"{outcome.kind}: {outcome.manifest.name} ({languages}) is {outcome.state}."
        return said + _hint(outcome)
    if outcome.state == "not wanted":
        return f"{outcome.kind}: none, as wished."
    if outcome.kind == "reranker":
        return f"reranker: none ({outcome.reason}); the order of the fusion stands."
    return f"embedding: none ({outcome.reason}); keyword search (BM25) answers alone."


def _hint(outcome: Outcome) -> str:
    """After an English model was made: how German texts get one too."""
    if outcome.state != "prepared" or outcome.kind != "embedding" or outcome.manifest is None:
        return ""
    if "de" in outcome.manifest.languages:
        return ""
    better = models_of("embedding")[0]
    return (
        " German texts are found by keywords; where the model hub can be reached, get "
        f"{better.slug} with --embedding {better.slug}."
    )


def _tokenizer(preparation: Preparation, arguments: argparse.Namespace) -> str:
    if arguments.tokenizer_file:
        return f"tokenizer: {arguments.tokenizer_file}, as set."
    return preparation.prepare_tokenizer(arguments.language_model)


def main() -> int:
    """Exit 0 also when no model is to be had: the app works without; 1 for a bad ``--verify`` and
    for an impossible setting."""
    try:
        arguments = _arguments()
    except RagError as error:
        print(f"millwright: {say(error.key, language_of_shell(), **error.values)}", file=sys.stderr)
        return 1
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if arguments.verify:
        return _verify(arguments.models_dir)
    console = Console()
    with alone(arguments.models_dir, console.step) as writable:
        preparation = Preparation(
            arguments.models_dir,
            console.step,
            offline=arguments.offline,
            show=console.terminal,
            writable=writable,
        )
        outcomes = [
            preparation.prepare("embedding", arguments.embedding),
            preparation.prepare("reranker", arguments.reranker),
        ]
        tokenizer = _tokenizer(preparation, arguments)
    console.close()
    for outcome in outcomes:
        print(_report(outcome))
    print(tokenizer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
