"""``python -m rag.backup create|verify|restore FILE``: everything Millwright keeps, in one file.
``python -m rag.backup move``: from the SQLite file into an empty PostgreSQL (DATABASE_URL).

``create -`` writes to standard output: ``docker exec app python -m rag.backup create - > file``.
The data folder is DATA_DIR, as everywhere.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rag.backup.archive import Manifest
from rag.backup.create import create
from rag.backup.move import move
from rag.backup.restore import restore, verify
from rag.errors import RagError
from rag.messages import language_of_shell, say
from rag.settings import read_settings
from rag.types import Language

_TOLD = ("manuals", "threads", "ratings")


def main() -> int:
    arguments = _parser().parse_args()
    language = language_of_shell()
    started = time.monotonic()
    try:
        if arguments.command == "move":
            counts = move(read_settings())
            kept = {name: str(counts[name]) for name in _TOLD}
            rows = sum(counts.values())
            print(say("backup.moved", language, rows=rows, **kept), file=sys.stderr)
            return 0
        if arguments.command == "create":
            manifest = create(read_settings(), arguments.file)
            if arguments.file != "-":
                verify(Path(arguments.file))
        elif arguments.command == "verify":
            manifest = verify(Path(arguments.file))
        else:
            manifest = restore(read_settings(), Path(arguments.file))
    except RagError as error:
        print(f"millwright: {say(error.key, language, **error.values)}", file=sys.stderr)
        return 1
    command = "stream" if arguments.file == "-" else arguments.command
    _report(manifest, command, language, time.monotonic() - started)
    return 0


def _report(manifest: Manifest, command: str, language: Language, seconds: float) -> None:
    """To stderr: standard output may be the archive."""
    size = sum(entry.size for entry in manifest.files.values()) / 1e6
    told = say(
        f"backup.{command}",
        language,
        files=len(manifest.files),
        megabytes=f"{size:.1f}",
        seconds=f"{seconds:.1f}",
        made_at=manifest.made_at,
        **{name: str(manifest.counts[name]) for name in _TOLD},
    )
    print(told, file=sys.stderr)
    kept = "auth_secret" in manifest.files
    print(say("backup.secret_in" if kept else "backup.secret_out", language), file=sys.stderr)
    for name in manifest.missing:
        print(say("backup.missing", language, file=name), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rag.backup",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("create", "write an archive, also while the server runs, and check it"),
        ("verify", "read an archive to its end and check everything in it"),
        ("restore", "bring an archive back into an empty DATA_DIR"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("file", help="….tar.gz or ….tar" + (", or -" * (name == "create")))
    commands.add_parser("move", help="copy the rows of DATA_DIR's database to DATABASE_URL")
    return parser


if __name__ == "__main__":
    sys.exit(main())
