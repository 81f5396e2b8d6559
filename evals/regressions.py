"""``python -m evals.regressions``: rated answers as cases for the gate.

Answers that were rated bad become drafts: question, reason and what was cited are filled in, the
right ``manuals`` and ``pages`` are ``null`` until QA has named them (an empty list says that the
manuals hold no answer). The gate refuses a file with open drafts. With ``--liked``, answers that
were rated good are written too, complete: what they cited is to be cited again. Who asked is not
written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from rag.language import detect_language
from rag.settings import Settings
from rag.store.database import open_database, reading

_RATED = text(
    "SELECT a.id, a.question, a.mode, a.provenance, r.value, r.reason, r.comment "
    "FROM ratings r JOIN answers a ON a.id = r.answer_id "
    "WHERE r.value IN (0, 1) ORDER BY r.updated_at, a.id"
)
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Append the cases that the file does not have yet; prints how many."""
    parser = argparse.ArgumentParser(prog="python -m evals.regressions", description=__doc__)
    data = Path(os.environ.get("DATA_DIR", "data"))
    parser.add_argument("--data", type=Path, default=data, help="Millwright's data folder")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines to append to")
    parser.add_argument("--liked", action="store_true", help="answers that were rated good, too")
    options = parser.parse_args(arguments)
    if not (options.data / "millwright.db").exists():
        print(f"no library in {options.data}", file=sys.stderr)
        return 2
    engine = open_database(Settings(data_dir=options.data))
    try:
        found = cases(engine, liked=options.liked)
    finally:
        engine.dispose()
    known = _known(options.out)
    new = [case for case in found if case["id"] not in known]
    with options.out.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(case, ensure_ascii=False) + "\n" for case in new)
    drafts = sum(case["pages"] is None for case in new)
    print(f"{len(new)} new cases in {options.out}, {drafts} of them wait for the right page")
    return 0


def cases(engine: Engine, *, liked: bool = False) -> list[Row]:
    """Rated answers in the form of a dataset, oldest rating first."""
    with reading(engine).connect() as connection:
        rated = [dict(row) for row in connection.execute(_RATED).mappings()]
    return [_case(row) for row in rated if liked or row["value"] == 0]


def _case(row: Row) -> Row:
    given = json.loads(row["provenance"] or "{}")
    question = given.get("understood_as") or row["question"]
    cited = [(one["file"], one["page"]) for one in given.get("passages", [])]
    case = {
        "id": f"qa-{row['id'][:12]}",
        "question": question,
        "language": detect_language(question, "de"),
        "manuals": None,
        "pages": None,
        "must_contain": None,
        "category": "",
        "machine": ", ".join(given.get("scope", {}).get("machines", [])),
        "answered_by": row["mode"],
        "cited": cited,
        "reason": row["reason"],
        "comment": row["comment"],
    }
    if row["value"] == 1:
        first = cited[:1]
        case |= {"manuals": [name for name, _ in first], "pages": [page for _, page in first]}
    return case


def _known(path: Path) -> set[str]:
    if not path.exists():
        return set()
    lines = path.read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["id"] for line in lines if line.strip()}


if __name__ == "__main__":
    sys.exit(main())
