"""The stand-in Ollama keeps to what the real server does, where others rely on it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stand_in.ollama import OllamaStandIn, Reply
from tests.stand_in.script import tokens_of


@pytest.fixture
def ollama() -> Iterator[OllamaStandIn]:
    with OllamaStandIn() as stand_in:
        yield stand_in


def _chat(ollama: OllamaStandIn, *messages: tuple[str, str], **more: Any) -> httpx.Response:
    body = {
        "model": "mistral",
        "stream": False,
        "messages": [{"role": role, "content": content} for role, content in messages],
        **more,
    }
    return httpx.post(f"{ollama.url}/api/chat", json=body, timeout=10)


def test_tokens_join_to_the_text() -> None:
    text = "Öltemperatur 95 °C,\n\n  dann „Stopp“ – 3/4\u201d drücken.\t"
    assert "".join(tokens_of(text)) == text
    assert all(len(token.strip()) <= 4 for token in tokens_of(text))


def test_a_stream_is_lines_of_json_with_nanoseconds(ollama: OllamaStandIn) -> None:
    ollama.enqueue(["Set ", "8 bar."])
    body = {"model": "mistral", "messages": [{"role": "user", "content": "What?"}]}
    with httpx.stream("POST", f"{ollama.url}/api/chat", json=body) as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in response.iter_lines()]
    assert [line["message"]["content"] for line in lines] == ["Set ", "8 bar.", ""]
    assert [line["done"] for line in lines] == [False, False, True]
    assert lines[-1]["done_reason"] == "stop"
    assert lines[-1]["eval_count"] == 2
    assert lines[-1]["total_duration"] > 100_000


def test_the_oldest_messages_are_lost_in_silence(ollama: OllamaStandIn) -> None:
    response = _chat(
        ollama,
        ("system", "Be brief."),
        ("user", "old question " * 40),
        ("assistant", "old answer " * 10),
        ("user", "new question"),
        options={"num_ctx": 60},
    )
    assert response.status_code == 200
    request = ollama.history[0]
    assert [message["content"][:6] for message in request.seen] == ["Be bri", "old an", "new qu"]
    assert request.truncated
    assert response.json()["prompt_eval_count"] == request.prompt_tokens <= 60


def test_what_still_does_not_fit_loses_its_head(ollama: OllamaStandIn) -> None:
    passages = " ".join(f"passage{number}" for number in range(200))
    _chat(
        ollama,
        ("system", "Never invent a value. Cite."),
        ("user", f"{passages}\nthe question"),
        options={"num_ctx": 64},
    )
    seen = ollama.history[0].prompt
    assert seen.endswith("the question")
    assert "passage199" in seen
    assert "passage10 " not in seen
    assert "Cite" not in seen  # the instructions are what is lost first
    assert ollama.history[0].prompt_tokens <= 64


def test_what_fits_is_left_alone(ollama: OllamaStandIn) -> None:
    _chat(ollama, ("system", "Be brief."), ("user", "word " * 3000), options={"num_ctx": 8192})
    assert not ollama.history[0].truncated
    assert ollama.history[0].seen == ollama.history[0].messages
    _chat(ollama, ("user", "word " * 5000))
    assert ollama.history[1].truncated  # without num_ctx the window is 4096


def test_truncate_false_makes_it_an_error(ollama: OllamaStandIn) -> None:
    response = _chat(ollama, ("user", "word " * 99), options={"num_ctx": 64}, truncate=False)
    assert response.status_code == 400
    assert "context length" in response.json()["error"]


def test_a_cached_prefix_is_not_counted(ollama: OllamaStandIn) -> None:
    with OllamaStandIn(cache_prefix=True) as caching:
        prompt = "the same passages " * 20
        first = _chat(caching, ("user", f"{prompt} first?")).json()["prompt_eval_count"]
        second = _chat(caching, ("user", f"{prompt} second?")).json()["prompt_eval_count"]
    assert second < first / 5


def test_a_full_queue_is_503() -> None:
    gate = threading.Event()
    with OllamaStandIn(parallel=1, max_queue=1) as ollama, ThreadPoolExecutor(2) as pool:
        ollama.enqueue(Reply("one", gate=gate), "two")
        waiting = [pool.submit(_chat, ollama, ("user", "?")) for _ in range(2)]
        ollama.wait_for_request(2)
        refused = _chat(ollama, ("user", "?"))
        assert refused.status_code == 503
        assert "maximum pending requests" in refused.json()["error"]
        gate.set()
        assert [each.result().status_code for each in waiting] == [200, 200]


def test_pulling_shows_progress_and_brings_the_model(ollama: OllamaStandIn) -> None:
    ollama.models = []
    assert _chat(ollama, ("user", "?")).status_code == 404
    with httpx.stream("POST", f"{ollama.url}/api/pull", json={"model": "mistral"}) as response:
        lines = [json.loads(line) for line in response.iter_lines()]
    completed = [line["completed"] for line in lines if "completed" in line]
    assert completed == sorted(completed)
    assert completed[-1] == lines[1]["total"]
    assert lines[-1] == {"status": "success"}
    assert _chat(ollama, ("user", "?")).status_code == 200


def test_a_failed_pull_ends_with_an_error(ollama: OllamaStandIn) -> None:
    ollama.pull_error = "pull model manifest: file does not exist"
    with httpx.stream("POST", f"{ollama.url}/api/pull", json={"model": "nope"}) as response:
        lines = [json.loads(line) for line in response.iter_lines()]
    assert lines[-1] == {"error": "pull model manifest: file does not exist"}
    assert "nope:latest" not in ollama.models


def test_a_callable_answers_by_what_was_asked() -> None:
    with OllamaStandIn(
        answer=lambda request: "1" if "faithful" in request.prompt else ["0", " no"]
    ) as judge:
        assert _chat(judge, ("user", "Is it faithful?")).json()["message"]["content"] == "1"
        assert _chat(judge, ("user", "Is it long?")).json()["message"]["content"] == "0 no"


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("<passage 1>\n[1] SK 37, page 9\nSet 8 bar. Wait.\n</passage 1>\nQ?", "Set 8 bar. [1]"),
        ("[1] SK 37, page 9\nFault\t104\n[2] SK 37\nOther text.", "Fault\t104 [1]"),
        ("What is the pressure?", "That is not in the passages."),
    ],
)
def test_without_a_script_the_first_passage_is_quoted(
    ollama: OllamaStandIn, prompt: str, answer: str
) -> None:
    assert _chat(ollama, ("user", prompt)).json()["message"]["content"] == answer


def test_it_only_knows_what_fits_its_window(ollama: OllamaStandIn) -> None:
    prompt = f"<passage 1>\n[1] SK 37\nSet 8 bar.\n</passage 1>\n{'more text ' * 200}"
    response = _chat(ollama, ("user", prompt), options={"num_ctx": 128})
    assert response.json()["message"]["content"] == "That is not in the passages."


@pytest.mark.slow
def test_it_runs_as_a_process_with_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(["First.", {"failure": "busy"}, {"text": ["Th", "ird."]}]))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stand_in.ollama", "--port", "0", "--script", str(script)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        url = process.stdout.readline().split()[-1]
        body = {
            "model": "mistral",
            "stream": False,
            "messages": [{"role": "user", "content": "?"}],
        }
        answers = [httpx.post(f"{url}/api/chat", json=body) for _ in range(3)]
        process.terminate()
    assert answers[0].json()["message"]["content"] == "First."
    assert answers[1].status_code == 503
    assert answers[2].json()["message"]["content"] == "Third."
