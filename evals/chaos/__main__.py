"""``python -m evals.chaos [--kills 20] [--seed N] [--json OUT]``: what is around the app, and the
app itself, broken in turn. Prints a table and the seed; exit 1 when something was not as it should
be. The same seed gives the same load and the same moments."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from evals.chaos.app import App
from evals.chaos.kills import run_kills
from evals.chaos.scenarios import run_scenarios
from evals.chaos.surroundings import NOBODY, Row


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often the app is killed")
    parser.add_argument("--seed", type=int, help="of the moments and the load; else a new one")
    parser.add_argument("--skip-scenarios", action="store_true", help="only the kills")
    parser.add_argument("--json", type=Path, help="write the rows there")
    arguments = parser.parse_args()
    arguments.seed = arguments.seed if arguments.seed is not None else secrets.randbelow(10**6)
    print(f"Seed {arguments.seed}.", flush=True)
    with tempfile.TemporaryDirectory(prefix="millwright-chaos-") as folder:
        rows = asyncio.run(_run(Path(folder), arguments))
    print(_table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 0 if all(row.ok for row in rows) else 1


async def _run(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    prepared = folder / "prepared"
    app = App(prepared, {"OLLAMA_BASE_URL": NOBODY})
    await asyncio.to_thread(app.start)  # accounts and sample manuals
    await asyncio.to_thread(app.stop)
    rows: list[Row] = []
    if not arguments.skip_scenarios:
        shutil.copytree(prepared, folder / "scenarios" / "data")
        rows += await run_scenarios(folder / "scenarios" / "data", app.passwords)
    if arguments.kills:
        shutil.copytree(prepared, folder / "kills" / "data")
        killed = App(folder / "kills" / "data", {}, passwords=app.passwords)
        rows += await run_kills(killed, arguments.kills, arguments.seed)
    return rows


def _table(rows: list[Row]) -> str:
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    lines = ["| what | expected | seen | s | |", "|---|---|---|---:|---|"]
    for row in rows:
        seconds = f"{row.seconds:.1f}" if row.seconds else ""
        mark = "ok" if row.ok else "**WRONG**"
        lines.append(f"| {row.name} | {row.expected} | {row.seen} | {seconds} | {mark} |")
    failed = sum(not row.ok for row in rows)
    return "\n".join([*lines, "", f"{len(rows)} checks, {failed} wrong; load average {load}"])


if __name__ == "__main__":
    sys.exit(main())
