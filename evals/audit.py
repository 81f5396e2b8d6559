"""``python -m evals.audit``: known holes in what serves, by pip-audit, or why it cannot say.

Exits with 0 when everything was looked up and nothing found, 1 when a hole is known, 2 when the
database could not be asked: pip-audit itself calls that a success.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
SERVES = PROJECT / "requirements.txt"
_COMMAND = "--disable-pip --no-deps --progress-spinner off --format json -r".split()


def verdict(dependencies: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """The exit code and what to tell, from the list that pip-audit gives."""
    skipped = [one for one in dependencies if "skip_reason" in one]
    lines = [
        f"{one['name']} {one['version']}: {hole['id']}, fixed in "
        f"{', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in dependencies
        for hole in one.get("vulns", ())
    ]
    if lines:
        return 1, lines
    if skipped:
        told = f"not audited: {len(skipped)} of {len(dependencies)} packages could not be looked up"
        return 2, [told, f"  the first: {skipped[0]['skip_reason']}"]
    return 0, [f"{len(dependencies)} packages, no known hole"]


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", *_COMMAND, str(SERVES)]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        print(f"not audited: pip-audit's database cannot be reached from here ({reason[0][:200]})")
        return 2
    code, lines = verdict(dependencies)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    raise SystemExit(main())
