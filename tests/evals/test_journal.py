"""Rows on disk survive a kill."""

from __future__ import annotations

from pathlib import Path

from evals.run.journal import Journal


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "rows.jsonl"
    journal = Journal(path)
    journal.add({"key": "a", "text": "Öl"})
    journal.add({"key": "b"})
    journal.close()
    again = Journal(path)
    again.close()
    assert again.rows == {"a": {"key": "a", "text": "Öl"}, "b": {"key": "b"}}


def test_a_line_that_was_cut_off_is_dropped_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"key": "a"}\n{"key": "b", "te')
    journal = Journal(path)
    assert list(journal.rows) == ["a"]
    journal.add({"key": "b"})
    journal.close()
    assert path.read_bytes() == b'{"key": "a"}\n{"key": "b"}\n'


def test_in_memory_only() -> None:
    journal = Journal(None)
    journal.add({"key": "a"})
    journal.remove()
    assert journal.rows == {"a": {"key": "a"}}
