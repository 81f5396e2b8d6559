"""How much memory the whole service takes, under a hard limit: ``python -m evals.memory``.

Starts the real server in a memory cgroup (version 1 or 2) with a limit of 512 MB and no swap,
drives it as five chat users, and samples what the kernel counts. Where no cgroup can be made it
samples ``/proc`` instead and says so: then the limit is only compared, not enforced.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import httpx

from evals.cgroup import CgroupMemory, ProcessMemory, Sample, Sampler
from evals.chat_client import ChatClient

MEGABYTE = 1024 * 1024
QUESTIONS_PER_USER = 10
USERS = 5
RATINGS = 10
IMPORTS = (
    "pydantic_settings",
    "sqlalchemy",
    "onnxruntime",
    "fastembed",
    "qdrant_client",
    "qdrant_edge",
    "langchain_core.runnables",
    "langchain_qdrant",
    "langchain_classic.retrievers",
    "langchain_ollama",
    "rank_bm25",
    "mlflow",
    "mlflow.tracing",
    "pypdfium2",
    "chainlit",
    "chainlit.server",
)
QUESTIONS = (
    "Was bedeutet Fehler E-104?",
    "Mit welchem Drehmoment werden die Schrauben angezogen?",
    "Wie oft muss das Öl gewechselt werden?",
    "Wie spanne ich den Riemen nach?",
    "Welche Teilenummer hat der Ölfilter?",
    "What does fault E-104 mean on the press?",
    "How often do I change the hydraulic oil?",
    "What torque for the tie rod nuts?",
    "How do I lock out the press before maintenance?",
    "Part number of the return filter?",
)


@contextmanager
def serving(
    memory: CgroupMemory | ProcessMemory, environment: dict[str, str], log: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The real server in ``memory``; yields its address and process once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "rag.start", "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=memory.enter,
        )
    if isinstance(memory, ProcessMemory):
        memory.pid = server.pid
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 240
        while True:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The server did not start:\n{log.read_text()[-3000:]}")
            try:
                if httpx.get(f"{address}/health", timeout=2).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield address, server
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


async def drive(address: str, accounts: dict[str, str], upload: Path | None) -> dict[str, int]:
    """Five users at once ask ten questions each, ten ratings, one upload. Counts what was done."""
    done = {"answers": 0, "ratings": 0, "uploads": 0}

    async def technician(number: int) -> None:
        language = "de" if number % 2 == 0 else "en"
        async with ChatClient(address, "technician", accounts["technician"], language) as chat:
            for index in range(QUESTIONS_PER_USER):
                reply = await chat.ask(QUESTIONS[(index + number) % len(QUESTIONS)])
                done["answers"] += bool(reply.text)
                if reply.run_id and index < RATINGS // USERS:
                    await chat.rate(reply.run_id, index % 2, "measured")
                    done["ratings"] += 1

    async def admin() -> None:
        if upload is None:
            return
        async with ChatClient(address, "admin", accounts["admin"]) as chat:
            reply = await chat.upload(upload)
            done["uploads"] += "ist im Bestand" in reply.text

    await asyncio.gather(admin(), *(technician(number) for number in range(USERS)))
    return done


def import_shares() -> dict[str, float]:
    """Anonymous memory that each import adds, in MB, in the order they load."""
    script = (
        "import importlib, json, re, sys, warnings\n"
        "from rag.lean import leave_out\n"
        "leave_out()\n"
        "warnings.simplefilter('ignore')\n"
        "def anonymous():\n"
        "    text = open('/proc/self/status').read()\n"
        "    return int(re.search(r'RssAnon:\\s+(\\d+)', text).group(1)) / 1024\n"
        "shares, before = {'python': anonymous()}, anonymous()\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    now = anonymous()\n"
        "    shares[name], before = now - before, now\n"
        "print(json.dumps(shares))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        output = subprocess.run(
            [sys.executable, "-c", script, *IMPORTS],
            cwd=folder,
            env={
                **os.environ,
                "CHAINLIT_APP_ROOT": folder,
                "MALLOC_ARENA_MAX": "2",
                "PYTHONPATH": str(Path.cwd()),
            },
            capture_output=True,
            text=True,
            check=True,
        )
    return dict(json.loads(output.stdout.splitlines()[-1]))


def first_accounts(log: str) -> dict[str, str]:
    """Names and passwords that the first start printed."""
    return dict(re.findall(r"^\s*(technician|qa|admin)\s+(\S+)", log, re.MULTILINE))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit-mb", type=int, default=512)
    parser.add_argument("--target-mb", type=int, default=440, help="peak anonymous memory allowed")
    parser.add_argument("--no-reranker", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    work = Path(tempfile.mkdtemp(prefix="millwright-memory-"))
    try:
        result = measure(arguments, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))
    return 0 if result["passed"] else 1


def measure(arguments: argparse.Namespace, work: Path) -> dict[str, object]:
    """One whole run; prints as it goes and returns what ``--json`` writes."""
    models = prepare_models(work, reranker=not arguments.no_reranker)
    upload = prepare_upload(work)
    try:
        memory: CgroupMemory | ProcessMemory = CgroupMemory(arguments.limit_mb * MEGABYTE)
        print(f"Hard limit {arguments.limit_mb} MB by cgroup v{memory.version}.")
    except OSError as error:
        memory = ProcessMemory()
        print(f"No memory cgroup here ({error}): sampling, the limit is not enforced.")
    environment = {
        "DATA_DIR": str(work / "data"),
        "QUESTIONS_PER_MINUTE": "0",  # the five chats are one account's
        "MODELS_DIR": str(models),
    }
    log = work / "server.log"
    starting = Sampler(memory)
    starting.start()
    try:
        with serving(memory, environment, log) as (address, server):
            starting.stop()
            idle = memory.sample()
            sampler = Sampler(memory)
            sampler.start()
            try:
                done = asyncio.run(drive(address, first_accounts(log.read_text()), upload))
            finally:
                sampler.stop()
            after, alive = memory.sample(), server.poll() is None
            kills = memory.out_of_memory_kills()
    except Exception:
        print(f"The server's last words:\n{log.read_text()[-4000:]}")
        raise
    finally:
        memory.remove()
    shares = import_shares()
    report({"start": starting.peak, "idle": idle, "peak": sampler.peak, "after": after}, shares)
    peak = max(sampler.peak.anonymous, starting.peak.anonymous) / MEGABYTE
    complete = done == {"answers": USERS * QUESTIONS_PER_USER, "ratings": RATINGS, "uploads": 1}
    passed = alive and kills == 0 and peak <= arguments.target_mb and complete
    print(
        f"\n{'PASS' if passed else 'FAIL'}: peak anonymous {peak:.0f} MB "
        f"(target {arguments.target_mb}), {kills} out-of-memory kills, {done}"
    )
    if not alive:
        print(log.read_text()[-3000:])
    return {
        "limit_mb": arguments.limit_mb,
        "enforced": isinstance(memory, CgroupMemory),
        "start": asdict(starting.peak),
        "idle": asdict(idle),
        "peak": asdict(sampler.peak),
        "after": asdict(after),
        "imports_mb": shares,
        "done": done,
        "passed": passed,
    }


def prepare_models(work: Path, *, reranker: bool) -> Path:
    """The prepared models, and a cross-encoder of MiniLM size where the real one is missing."""
    models = work / "models"
    shutil.copytree(os.environ.get("MODELS_DIR", "models"), models)
    if reranker:
        from tests.stand_in.reranker import build_reranker

        print(f"Reranker: {build_reranker(models)}")
    return models


def prepare_upload(work: Path) -> Path:
    """A manual that is not in the library yet, to be uploaded under load."""
    from evals.samples.large import build_large_manual

    path = work / "uploaded.pdf"
    build_large_manual(path, pages=20)
    return path


def report(samples: dict[str, Sample], shares: dict[str, float]) -> None:
    """Two tables: memory by kind ("start": the peak of the first start), share of each import."""
    print(f"\n{'MB':<24}" + "".join(f"{name:>8}" for name in samples))
    for kind in ("anonymous", "mapped", "cache"):
        row = [getattr(sample, kind) / MEGABYTE for sample in samples.values()]
        print(f"{kind:<24}" + "".join(f"{value:>8.0f}" for value in row))
    print(f"\n{'import':<32}{'MB':>6}")
    for name, share in shares.items():
        print(f"{name:<32}{share:>6.1f}")


if __name__ == "__main__":
    raise SystemExit(main())
