"""What a kill has left, read from the database and the index themselves."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from evals.chaos.surroundings import Row
from rag.models.embedder import load_embedder
from rag.settings import Settings
from rag.store.vectors import open_vectors


def ratings_of(data_dir: Path) -> dict[str, int]:
    """The value of each rating by its answer."""
    with contextlib.closing(sqlite3.connect(data_dir / "millwright.db")) as database:
        return dict(database.execute("SELECT answer_id, value FROM ratings"))


def jobs_of(data_dir: Path) -> dict[str, tuple[str, str]]:
    """Status and manual of each job, whoever it belongs to."""
    with contextlib.closing(sqlite3.connect(data_dir / "millwright.db")) as database:
        rows = database.execute("SELECT id, status, coalesce(manual_id, '') FROM jobs").fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def manuals_of(data_dir: Path) -> set[str]:
    """The ids of all manuals, whatever their state."""
    with contextlib.closing(sqlite3.connect(data_dir / "millwright.db")) as database:
        return {row[0] for row in database.execute("SELECT id FROM manuals")}


def half_visible(data_dir: Path) -> str:
    """What is wrong with the database and what can be found in it; empty when nothing is."""
    wrong = []
    with contextlib.closing(sqlite3.connect(data_dir / "millwright.db")) as database:
        sound = database.execute("PRAGMA integrity_check").fetchone()[0]
        if sound != "ok":
            wrong.append(sound)
        wrong += [f"foreign key {row}" for row in database.execute("PRAGMA foreign_key_check")]
        active = database.execute(
            "SELECT id, title, pages, chunks, sha256, file_name FROM manuals WHERE status='active'"
        ).fetchall()
        for manual_id, title, pages, chunks, sha256, _ in active:
            for table, expected in (("pages", pages), ("chunks", chunks)):
                query = f"SELECT count(*) FROM {table} WHERE manual_id = ?"
                (count,) = database.execute(query, (manual_id,)).fetchone()
                if count != expected:
                    wrong.append(f"{title}: {count} of {expected} {table}")
            if not list((data_dir / "manuals").glob(f"*{sha256}*")) and not list(
                (data_dir / "manuals").glob(f"*{manual_id}*")
            ):
                wrong.append(f"{title}: no file")
    return "; ".join(wrong)[:200]


def points(data_dir: Path) -> Row:
    """Every active manual has all its points, and nobody else has any."""
    settings = Settings(data_dir=data_dir)
    vectors = open_vectors(settings, load_embedder(settings))
    counts = vectors.counts()
    vectors.close()
    with contextlib.closing(sqlite3.connect(data_dir / "millwright.db")) as database:
        expected = dict(database.execute("SELECT id, chunks FROM manuals WHERE chunks > 0"))
    wrong = len(set(counts.items()) ^ set(expected.items()))
    return Row(
        "points in the index", f"of {len(expected)} manuals", f"{wrong} differ", 0.0, not wrong
    )
