"""The measuring command reads the samples through the real worker, within its memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evals.samples import FOLDER

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def test_samples_are_read_whole_and_in_little_memory(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    command = [sys.executable, "-m", "evals.ingest", str(FOLDER), "--json", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    report = json.loads(out.read_text("utf-8"))
    assert report["files"] == len(report["per_file"]) == 2
    assert report["refused"] == report["unread_pages"] == 0
    assert report["ocr_pages"] == 2
    assert 20 < report["peak_mb"] < 150
    for row in report["per_file"]:
        assert row["file"] in done.stdout
        assert row["fault_codes"] >= 100
