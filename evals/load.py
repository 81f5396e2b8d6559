"""Many users at once: ``python -m evals.load [--minutes N] [--every S] [--json OUT]``.

Serves the app under its 512 MB limit and a stand-in for Ollama, each in a process of its own, and
lets locust (``evals/load_users.py``, in ``.venv-evals``) ask: 20 chat users over sockets and 10
streams over the API, each every 7 seconds or so. That is as often as the limit of 10 questions a
minute lets them: people who read what they are told ask every minute or two. HyDE, reranker and
kept answers are off: every question is searched for and written anew.

Printed are the time from a question to the first words of its answer, errors, and memory over time.
The stand-in writes at once, so that none of the time is the model's. ``--pause 0.03`` lets it
take 30 ms for a token: then there is its first one in the time, or all of the first sentence where
that has a value, which is held until it is written and checked.
"""

from __future__ import annotations

import argparse
import json
import os
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
from evals.intervals import percentile
from evals.memory import MEGABYTE, serving
from rag.access.accounts import Accounts, random_password
from rag.access.api_keys import ApiKeys
from rag.settings import Settings
from rag.store.database import open_database
from rag.types import Role

ROOT = Path(__file__).parents[1]
LOCUST_PYTHON = ROOT / ".venv-evals" / "bin" / "python"
QUESTIONS = ROOT / "evals" / "gold" / "questions.jsonl"
PROMISED_MS = 300.0
GROWTH_MB = 16.0  # what the end may lie above the first third and still count as flat
EVERY_S = 1.0


@contextmanager
def stand_in(log: Path, pause_s: float) -> Iterator[tuple[str, int]]:
    """The scripted Ollama as a process, a token every ``pause_s``: its address and its id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.stand_in.ollama"]
    command += ["--port", str(port), "--pause", str(pause_s)]
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
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(10)


def callers(chat: int, api: int, data_dir: Path) -> tuple[dict[str, str], list[str]]:
    """Names and passwords of new technicians, and secrets of new API keys that may ask."""
    engine = open_database(Settings(data_dir=data_dir))
    try:
        accounts, passwords = Accounts(engine), {}
        for number in range(chat):
            passwords[f"load{number}"] = random_password()
            accounts.create(f"load{number}", passwords[f"load{number}"], Role.TECHNICIAN)
        keys = ApiKeys(engine)
        secrets = [
            keys.create(f"load{number}", ["ask"], created_by="load")[1] for number in range(api)
        ]
    finally:
        engine.dispose()
    return passwords, secrets


def processor_s(pid: int) -> float:
    """Processor time that a process has used, user and system, in seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drive(
    plan: dict[str, Any], minutes: float, memory: Any, work: Path, watched: dict[str, int]
) -> tuple[list[float], dict[str, float]]:
    """Run locust to its end; anonymous memory in MB, a value each second, and the processor time
    that ``watched`` (names and process ids) and locust took since everybody is there, in seconds.
    """
    file, begun = work / "plan.json", Path(plan["begun"])
    file.write_text(json.dumps(plan))
    users = plan["chat_users"] + plan["api_users"]
    command = [str(LOCUST_PYTHON), "-m", "locust", "-f", str(ROOT / "evals" / "load_users.py")]
    command += ["--headless", "--only-summary", "--users", str(users), "--spawn-rate", "3"]
    command += ["--run-time", f"{round(minutes * 60)}s", "--stop-timeout", "30"]
    samples = []
    with (work / "locust.log").open("wb") as log:
        environment = {**os.environ, "LOAD_PLAN": str(file), "PYTHONPATH": str(ROOT)}
        locust = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        watched = {**watched, "locust": locust.pid}
        before = after = dict.fromkeys(watched, 0.0)
        while locust.poll() is None:
            samples.append(memory.sample().anonymous / MEGABYTE)
            after = {name: processor_s(pid) or after[name] for name, pid in watched.items()}
            if not begun.exists():
                before = after
            time.sleep(EVERY_S)
    if not Path(plan["measured"]).exists():
        raise RuntimeError(f"locust failed:\n{(work / 'locust.log').read_text()[-3000:]}")
    return samples, {name: after[name] - before[name] for name in watched}


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"p50": round(percentile(values, 0.5), 1), "p95": round(percentile(values, 0.95), 1)}


def summary(
    measured: dict[str, Any], samples: Sequence[float], processor: dict[str, float], kills: int
) -> dict[str, Any]:
    """What was measured, and whether it keeps what was promised."""
    results: dict[str, int] = measured["results"]
    errors = {name: n for name, n in results.items() if not name.endswith((": answered", ": 429"))}
    everything = [one for values in measured["first_token_ms"].values() for one in values]
    third = len(samples) // 3
    growth = fmean(samples[-third:]) - fmean(samples[third : 2 * third]) if third else 0.0
    doors = {
        door: {"n": len(values), **spread(values)}
        for door, values in {**measured["first_token_ms"], "all": everything}.items()
        if values
    }
    return {
        "first_token_ms": doors,
        "whole_ms": {door: spread(values) for door, values in measured["whole_ms"].items()},
        # Robust beside other work on the machine, which time by the clock is not.
        "processor_ms_per_answer": {
            name: round(1000 * seconds / max(1, sum(results.values())), 1)
            for name, seconds in processor.items()
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


def show(result: dict[str, Any], pause_s: float) -> None:
    model = f"takes {pause_s * 1000:.0f} ms for a token" if pause_s else "takes no time"
    print(f"From a question to the first words of its answer, with a model that {model}:")
    for door, values in result["first_token_ms"].items():
        print(
            f"first token, {door:5} n {values['n']:5}   p50 {values['p50']:7.1f} ms   "
            f"p95 {values['p95']:7.1f} ms"
        )
    for name, count in sorted(result["results"].items()):
        print(f"{count:6} {name}")
    shares = result["processor_ms_per_answer"].items()
    print("processor time per answer: " + ", ".join(f"{name} {ms} ms" for name, ms in shares))
    memory = result["memory_mb"]
    print(
        f"anonymous memory: peak {memory['peak']} MB, middle third {memory['middle_third']} MB, "
        f"last third {memory['last_third']} MB"
    )
    verdict = "PASS" if result["passed"] else "FAIL"
    print(f"{verdict}: first token p95 ≤ {PROMISED_MS:.0f} ms, no error but 429, memory flat")


def measure(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    try:
        memory: CgroupMemory | ProcessMemory = CgroupMemory(512 * MEGABYTE)
    except OSError as error:
        memory = ProcessMemory()
        print(f"No memory cgroup here ({error}): sampling, the limit is not enforced.")
    questions = [json.loads(line)["question"] for line in QUESTIONS.read_text().splitlines()]
    with stand_in(work / "stand-in.log", options.pause) as (ollama, model):
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
                accounts, keys = callers(options.chat, options.api, work / "data")
                plan = {
                    "address": address,
                    "accounts": accounts,
                    "keys": keys,
                    "chat_users": options.chat,
                    "api_users": options.api,
                    "questions": questions,
                    "every_s": options.every,
                    "begun": str(work / "begun"),
                    "measured": str(work / "measured.json"),
                }
                watched = {"app": server.pid, "stand-in": model}
                samples, processor = drive(plan, options.minutes, memory, work, watched)
                if server.poll() is not None:
                    raise RuntimeError((work / "server.log").read_text()[-3000:])
                kills = memory.out_of_memory_kills()
        finally:
            memory.remove()
    measured = json.loads((work / "measured.json").read_text())
    return summary(measured, samples, processor, kills)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--chat", type=int, default=20, help="chat users over sockets")
    parser.add_argument("--api", type=int, default=10, help="streams over the API")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--every", type=float, default=7.0, help="seconds between one's questions")
    parser.add_argument("--pause", type=float, default=0.0, help="the model's seconds for a token")
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
    show(result, options.pause)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
