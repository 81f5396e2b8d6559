"""A window that is too small costs quality, and a fitted prompt loses less than one sent whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.num_ctx import SmallWindow, main, read_aloud
from tests.stand_in.ollama import Request

# Passages long enough that three of them do not fit 512 tokens.
FILLER = "Dieser Absatz sagt nichts weiter als dass gearbeitet wird und noch mehr davon folgt."


def request(*contents: str) -> Request:
    found = Request({"messages": []})
    found.seen = [{"role": "user", "content": content} for content in contents]
    return found


def test_the_reader_knows_only_what_it_sees() -> None:
    passages = "[1] P9, Seite 2\nÖldruck prüfen: 6,5 bar\n[2] P9, Seite 3\nSchrauben: 23 Nm\n"
    question = "\nFrage: Wie hoch ist der Öldruck?"
    assert read_aloud(request(passages + question)) == "Öldruck prüfen: 6,5 bar [1]"
    cut = passages[passages.index("bar") :]
    assert "usual procedure" in str(read_aloud(request(cut + question)))
    assert "usual procedure" in str(read_aloud(request(passages)))  # no question, no answer


@pytest.mark.slow
def test_a_small_window_costs_and_fitting_costs_less(tmp_path: Path) -> None:
    """On the sample manuals; a dozen questions, the smallest window and a large one."""
    told, plot = tmp_path / "told.json", tmp_path / "plot.svg"
    arguments = ["--limit", "16", "--num-ctx", "512", "4096", "--json", str(told)]
    assert main([*arguments, "--svg", str(plot), "--markdown", str(tmp_path / "table.md")]) == 0
    small, large = json.loads(told.read_text(encoding="utf-8"))

    def values(entry: dict[str, Any], way: str) -> float:
        return float(entry[way]["metrics"]["values"]["mean"])

    assert small["fitted"]["cut_by_server"] == large["fitted"]["cut_by_server"] == 0
    assert large["unfitted"]["cut_by_server"] == 0
    assert small["fitted"]["rules_seen"] == small["fitted"]["asked"]
    assert small["unfitted"]["rules_seen"] < small["unfitted"]["asked"]
    assert values(small, "unfitted") < values(large, "unfitted")
    assert values(small, "fitted") > values(small, "unfitted")
    assert values(large, "fitted") == values(large, "unfitted")
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "0.583" in table and "theirs" in table
    assert plot.read_text(encoding="utf-8").startswith("<svg")


def test_the_server_gives_no_more_than_it_has() -> None:
    import httpx

    long = " ".join([FILLER] * 60)
    body = {
        "model": "reader",
        "stream": False,
        "messages": [{"role": "user", "content": long}],
        "options": {"num_ctx": 32768},
    }
    with SmallWindow(512) as server:
        reply = httpx.post(f"{server.url}/api/chat", json=body, timeout=20)
        assert reply.json()["prompt_eval_count"] == 512
        assert server.history[0].truncated
