"""The state of the moment as figures, put in when somebody asks for ``/metrics``."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

from prometheus_client import Gauge, generate_latest
from sqlalchemy import text

from rag.api.health import Health
from rag.chat.door import Door
from rag.models.hosts import llm_health
from rag.observe.metrics import REGISTRY
from rag.store.database import reading

PART = Gauge(
    "millwright_part_up", "1: ok or not wanted; 0.5: degraded; 0: down.", ["part"],
    registry=REGISTRY,
)  # fmt: skip
READY = Gauge("millwright_ready", "1 when questions can be answered.", registry=REGISTRY)
MANUALS = Gauge("millwright_manuals", "Manuals by status.", ["status"], registry=REGISTRY)
PASSAGES = Gauge("millwright_passages", "Passages of active manuals.", registry=REGISTRY)
JOBS = Gauge("millwright_jobs", "Uploads by status.", ["status"], registry=REGISTRY)
REINDEX = Gauge("millwright_reindex_remaining", "Passages without vectors yet.", registry=REGISTRY)
GENERATIONS = Gauge(
    "millwright_generations", "Answers being written, and waiting.", ["state"], registry=REGISTRY
)
BREAKERS = Gauge(
    "millwright_llm_breaker_open", "1 while a language model's host is left alone.", ["host"],
    registry=REGISTRY,
)  # fmt: skip
HOSTS = Gauge("millwright_llm_host_up", "1 when a host has the model.", ["host"], registry=REGISTRY)
TRACES_WAITING = Gauge(
    "millwright_mlflow_waiting", "Traces and ratings that MLflow lacks.", registry=REGISTRY
)
SOCKETS = Gauge("millwright_chat_sessions", "Chats that are open.", registry=REGISTRY)
DISK = Gauge("millwright_disk_bytes", "Disk of DATA_DIR.", ["kind"], registry=REGISTRY)
MEMORY = Gauge("millwright_memory_bytes", "Memory of this process.", ["kind"], registry=REGISTRY)

_UP = {"ok": 1.0, "off": 1.0, "degraded": 0.5, "down": 0.0}
_MEMORY = {"anonymous": "RssAnon", "mapped": "RssFile", "resident": "VmRSS"}
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_STATUSES = ("queued", "running", "done", "failed", "cancelled")


async def scrape(door: Door, health: Health) -> bytes:
    """Everything in Prometheus's text format."""
    readiness = await health.readiness()
    READY.set(readiness.is_ready)
    for name, part in readiness.parts.items():
        PART.labels(name).set(_UP[part.state])
    _set_language_model(await llm_health(door.services.settings))
    from chainlit.session import ws_sessions_id

    SOCKETS.set(len(ws_sessions_id))
    return await asyncio.to_thread(_rest, door)


def _set_language_model(health: dict[str, Any]) -> None:
    for state in ("running", "waiting"):
        GENERATIONS.labels(state).set(health["queue"][state])
    for number, host in enumerate(health["hosts"]):
        # By its place in OLLAMA_BASE_URL: an address may hold a name or a password.
        BREAKERS.labels(str(number)).set(host["breaker"] != "closed")
        HOSTS.labels(str(number)).set(host["has_model"])


def _rest(door: Door) -> bytes:
    """In a thread: asks the database and the kernel."""
    services = door.services
    with reading(services.database).connect() as connection:
        jobs = connection.execute(
            text("SELECT status, count(*) AS number FROM jobs GROUP BY status")
        )
        by_status = {row.status: row.number for row in jobs}
        rows = connection.execute(
            text("SELECT status, count(*), sum(chunks) FROM manuals GROUP BY status")
        ).all()
    for status in _STATUSES:
        JOBS.labels(status).set(by_status.get(status, 0))
    MANUALS.clear()
    for status, count, _ in rows:
        MANUALS.labels(status).set(count)
    PASSAGES.set(sum(chunks for status, _, chunks in rows if status == "active"))
    done, total = door.jobs.reindexing or (0, 0)
    REINDEX.set(total - done)
    TRACES_WAITING.set(services.tracer.waiting())
    usage = shutil.disk_usage(services.settings.data_dir)
    DISK.labels("free").set(usage.free)
    DISK.labels("total").set(usage.total)
    for kind, size in memory().items():
        MEMORY.labels(kind).set(size)
    return generate_latest(REGISTRY)


def memory() -> dict[str, int]:
    """Bytes of this process by kind, and the limit of its cgroup when there is one."""
    status = Path("/proc/self/status").read_text()
    found = {}
    for kind, field in _MEMORY.items():
        if match := re.search(rf"{field}:\s+(\d+) kB", status):
            found[kind] = int(match[1]) * 1024
    for path in map(Path, _LIMITS):
        if path.exists() and (limit := path.read_text().strip()).isdigit() and int(limit) < 2**60:
            found["limit"] = int(limit)
    return found
