"""Many users at once: ``python -m evals.load [--minutes N] [--json OUT]``.

Serves the app under its 512 MB limit and a stand-in for Ollama, each in a process of its own, and
lets locust (``evals/load_users.py``, in ``.venv-evals``) ask: 20 chat users over sockets and 10
streams over the API, each every 7 seconds. Printed are the overhead of the first token (what passes
from the question to the first token, less what the stand-in takes), errors, and memory over time.
HyDE, reranker and kept answers are off: every question is searched for and written anew.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import httpx

from evals.cgroup import CgroupMemory, ProcessMemory
from evals.memory import MEGABYTE, serving

ROOT = Path(__file__).parents[1]
LOCUST_PYTHON = ROOT / ".venv-evals" / "bin" / "python"
QUESTIONS = ROOT / "evals" / "gold" / "questions.jsonl"
PROMISED_MS = 300.0
GROWTH_MB = 16.0  # what the end may lie above the first third and still count as flat
TOKEN_PAUSE_S = 0.01
EVERY_S = 1.0


@contextmanager
def stand_in(log: Path) -> Iterator[str]:
    """The scripted Ollama as a process: a token every 10 ms. Yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.stand_in.ollama"]
    command += ["--port", str(port), "--pause", str(TOKEN_PAUSE_S)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{address}/api/version", timeout=2).raise_for_status()
                break
            except httpx.HTTPError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"no stand-in:\n{log.read_text()}") from None
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def accounts(count: int, environment: dict[str, str]) -> dict[str, str]:
    """Names and passwords of new technicians."""
    made = {}
    for number in range(count):
        said = _access(environment, "add", f"load{number}", "technician")
        made[f"load{number}"] = said.split()[-1]
    return made


def keys(count: int, environment: dict[str, str]) -> list[str]:
    """Secrets of new API keys that may ask."""
    said = [_access(environment, "keys", "add", f"load{number}") for number in range(count)]
    return [re.findall(r"\S{40,}", one)[-1] for one in said]


def _access(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "rag.access", *arguments]
    run = subprocess.run(
        command, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True
    )
    if run.returncode:
        raise RuntimeError(f"rag.access {' '.join(arguments)}: {run.stderr}")
    return run.stdout


def drive(plan: dict[str, Any], minutes: float, memory: Any, work: Path) -> list[float]:
    """Run locust to its end; anonymous memory in MB, a value each second."""
    file = work / "plan.json"
    file.write_text(json.dumps(plan))
    users = plan["chat_users"] + plan["api_users"]
    command = [str(LOCUST_PYTHON), "-m", "locust", "-f", str(ROOT / "evals" / "load_users.py")]
    command += ["--headless", "--only-summary", "--users", str(users), "--spawn-rate", "3"]
    command += ["--run-time", f"{round(minutes * 60)}s", "--stop-timeout", "30"]
    samples = []
    with (work / "locust.log").open("wb") as log:
        environment = {**os.environ, "LOAD_PLAN": str(file), "PYTHONPATH": str(ROOT)}
        locust = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        while locust.poll() is None:
            samples.append(memory.sample().anonymous / MEGABYTE)
            time.sleep(EVERY_S)
    if not Path(plan["measured"]).exists():
        raise RuntimeError(f"locust failed:\n{(work / 'locust.log').read_text()[-3000:]}")
    return samples


def share(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 1)


def summary(measured: dict[str, Any], samples: Sequence[float], kills: int) -> dict[str, Any]:
    """What was measured, and whether it keeps what was promised."""
    results: dict[str, int] = measured["results"]
    errors = {name: n for name, n in results.items() if not name.endswith((": answered", ": 429"))}
    everything = [one for values in measured["first_token_ms"].values() for one in values]
    third = len(samples) // 3
    growth = fmean(samples[-third:]) - fmean(samples[third : 2 * third]) if third else 0.0
    doors = {
        door: {"n": len(values), "p50": share(values, 0.5), "p95": share(values, 0.95)}
        for door, values in {**measured["first_token_ms"], "all": everything}.items()
        if values
    }
    return {
        "first_token_overhead_ms": doors,
        "whole_ms": {
            door: {"p50": share(values, 0.5), "p95": share(values, 0.95)}
            for door, values in measured["whole_ms"].items()
        },
        "results": results,
        "errors": errors,
        "memory_mb": {
            "peak": round(max(samples), 1),
            "middle_third": round(fmean(samples[third : 2 * third]), 1) if third else None,
            "last_third": round(fmean(samples[-third:]), 1) if third else None,
        },
        "out_of_memory_kills": kills,
        "passed": bool(everything)
        and not errors
        and kills == 0
        and doors["all"]["p95"] <= PROMISED_MS
        and growth <= GROWTH_MB,
    }


def show(result: dict[str, Any]) -> None:
    for door, values in result["first_token_overhead_ms"].items():
        print(
            f"first token, {door:5} n {values['n']:5}   p50 {values['p50']:7.1f} ms   "
            f"p95 {values['p95']:7.1f} ms"
        )
    for name, count in sorted(result["results"].items()):
        print(f"{count:6} {name}")
    memory = result["memory_mb"]
    print(
        f"anonymous memory: peak {memory['peak']} MB, middle third {memory['middle_third']} MB, "
        f"last third {memory['last_third']} MB"
    )
    verdict = "PASS" if result["passed"] else "FAIL"
    print(f"{verdict}: p95 ≤ {PROMISED_MS:.0f} ms, no error but 429, memory flat")


def measure(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    try:
        memory: CgroupMemory | ProcessMemory = CgroupMemory(512 * MEGABYTE)
    except OSError as error:
        memory = ProcessMemory()
        print(f"No memory cgroup here ({error}): sampling, the limit is not enforced.")
    questions = [json.loads(line)["question"] for line in QUESTIONS.read_text().splitlines()]
    with stand_in(work / "stand-in.log") as ollama:
        environment = {
            "DATA_DIR": str(work / "data"),
            "OLLAMA_BASE_URL": ollama,
            "OLLAMA_PARALLEL": "8",
            "RERANKER_MODEL": "none",
            "HYDE": "never",
            "CACHE_MB": "0",
        }
        try:
            with serving(memory, environment, work / "server.log") as (address, server):
                plan = {
                    "address": address,
                    "accounts": accounts(options.chat, environment),
                    "keys": keys(options.api, environment),
                    "chat_users": options.chat,
                    "api_users": options.api,
                    "questions": questions,
                    "model_s": TOKEN_PAUSE_S,
                    "measured": str(work / "measured.json"),
                }
                samples = drive(plan, options.minutes, memory, work)
                if server.poll() is not None:
                    raise RuntimeError((work / "server.log").read_text()[-3000:])
                kills = memory.out_of_memory_kills()
        finally:
            memory.remove()
    return summary(json.loads((work / "measured.json").read_text()), samples, kills)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--chat", type=int, default=20, help="chat users over sockets")
    parser.add_argument("--api", type=int, default=10, help="streams over the API")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not LOCUST_PYTHON.exists():
        print("locust is missing: `make test` or `make mlflow` makes the environment it is in.")
        return 2
    work = Path(tempfile.mkdtemp(prefix="millwright-load-"))
    try:
        result = measure(options, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
