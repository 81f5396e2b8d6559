"""kill -9 at random moments of ingesting three manuals: the library is that of a quiet run."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.job_process import run
from tests.ingest.parts import make_pdf, open_parts
from tests.ingest.test_manual import workers_of

KILLS = 20


# A server with everything imported, from which each run is forked: it starts at once.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.ingest.job_process"])


def ingest(data_dir: Path, files: list[Path], log: Path, seconds: float) -> bool:
    """Work for at most ``seconds``, then kill -9; True when it was finished before."""
    process = PROCESSES.Process(target=run, args=(data_dir, files, log))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    return log.exists() and log.read_text().endswith("finished\n")


def contents(data_dir: Path) -> dict[str, Any]:
    """Everything in the library and the index but times and durations."""
    parts = open_parts(data_dir)
    manuals = [
        replace(manual, uploaded_at="", quality=replace(manual.quality, seconds=0.0))
        for manual in parts.library.manuals()
    ]
    points, _ = parts.vectors.client.scroll(
        parts.vectors.collection, limit=100_000, with_vectors=True
    )
    found = {
        "manuals": manuals,
        "pages": {manual.id: parts.library.pages(manual.id) for manual in manuals},
        "chunks": {manual.id: parts.library.chunks_of(manual.id) for manual in manuals},
        "codes": parts.library.all_codes(),
        "version": parts.library.corpus_version(),
        "points": {str(point.id): (point.vector, point.payload) for point in points},
        "files": {path.name: path.read_bytes() for path in parts.library.folder.iterdir()},
        "uploads": list((data_dir / "uploads").iterdir()),
    }
    parts.close()
    return found


@pytest.mark.slow
def test_a_kill_at_any_moment_changes_nothing_in_the_end(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    files = [make_pdf(tmp_path / f"{name}.pdf", name, pages=4) for name in ("A", "B", "C")]
    # The first run of a fresh server is slower than the killed ones will be.
    assert ingest(tmp_path / "first", files, tmp_path / "first.log", 120)
    started = time.monotonic()
    assert ingest(tmp_path / "quiet", files, tmp_path / "quiet.log", 120)
    duration = time.monotonic() - started
    expected = contents(tmp_path / "quiet")
    assert [manual.quality.pages for manual in expected["manuals"]] == [4, 4, 4]
    assert len(expected["points"]) == sum(manual.chunks for manual in expected["manuals"])

    kills = 0
    libraries = 0
    while kills < KILLS:
        data_dir, log = tmp_path / f"killed {libraries}", tmp_path / f"{libraries}.log"
        libraries += 1
        is_finished = False
        while not is_finished:
            accepted = log.read_text().splitlines() if log.exists() else []
            missing = [path for path in files if path.name not in accepted]
            seconds = chance.uniform(0, duration) if kills < KILLS else 120
            is_finished = ingest(data_dir, missing, log, seconds)
            kills += not is_finished
        assert contents(data_dir) == expected
        assert workers_of(data_dir) == []
        shutil.rmtree(data_dir)
