"""The folder where Chainlit writes: swept at each start, with our own texts in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.start import _prepare_chainlit_root


def test_uploads_of_an_earlier_run_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAINLIT_APP_ROOT", "")  # what is set now is taken back afterwards
    root = tmp_path / "chainlit"
    leftover = root / ".files" / "a session" / "secret.pdf"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"%PDF-")
    _prepare_chainlit_root(root)
    assert not leftover.parent.exists()
    assert (root / ".chainlit" / "config.toml").exists()
    assert (root / "public" / "favicon.svg").exists()
