"""What the kernel counts of a process's memory: a cgroup with a hard limit, or ``/proc``."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """Memory at one moment, in bytes: anonymous, mapped files, page cache."""

    anonymous: int
    mapped: int
    cache: int


class CgroupMemory:
    """A memory cgroup with a hard limit. Raises ``OSError`` where none can be made."""

    def __init__(self, limit: int) -> None:
        root = Path("/sys/fs/cgroup")
        self.version = 1 if (root / "memory").is_dir() else 2
        self.path = (root / "memory" if self.version == 1 else root) / f"millwright-{os.getpid()}"
        self.path.mkdir()
        try:
            if self.version == 1:
                self._write("memory.limit_in_bytes", limit)
                self._write("memory.memsw.limit_in_bytes", limit, optional=True)
            else:
                self._write("memory.max", limit)
                self._write("memory.swap.max", 0, optional=True)
        except OSError:
            self.path.rmdir()
            raise

    def _write(self, name: str, value: int, *, optional: bool = False) -> None:
        if optional and not (self.path / name).exists():
            return
        (self.path / name).write_text(str(value))

    def enter(self) -> None:
        """Move the calling process in; run in the child before the server starts."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def sample(self) -> Sample:
        stat = dict(line.split() for line in (self.path / "memory.stat").read_text().splitlines())
        if self.version == 1:
            cache, mapped = int(stat["total_cache"]), int(stat["total_mapped_file"])
            return Sample(int(stat["total_rss"]), mapped, cache)
        return Sample(int(stat["anon"]), int(stat["file_mapped"]), int(stat["file"]))

    def out_of_memory_kills(self) -> int:
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        for line in (self.path / name).read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
        return 0

    def remove(self) -> None:
        self.path.rmdir()


class ProcessMemory:
    """The fallback: sums ``/proc/*/smaps_rollup`` over the server and its children."""

    version = 0

    def __init__(self) -> None:
        self.pid = 0

    def enter(self) -> None:
        """Nothing to enter."""

    def sample(self) -> Sample:
        anonymous = mapped = 0
        for pid in _family(self.pid):
            try:
                text = Path(f"/proc/{pid}/status").read_text()
            except OSError:  # the process ended between listing and reading
                continue
            anonymous += _kilobytes(text, "RssAnon")
            mapped += _kilobytes(text, "RssFile")
        return Sample(anonymous, mapped, mapped)

    def out_of_memory_kills(self) -> int:
        return 0

    def remove(self) -> None:
        """Nothing to remove."""


def _kilobytes(status: str, field: str) -> int:
    match = re.search(rf"{field}:\s+(\d+) kB", status)
    return int(match.group(1)) * 1024 if match else 0


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


class Sampler(threading.Thread):
    """Keeps the peak of each kind, sampled every 20 ms."""

    def __init__(self, memory: CgroupMemory | ProcessMemory) -> None:
        super().__init__(daemon=True)
        self.memory = memory
        self.peak = Sample(0, 0, 0)
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.02):
            now = self.memory.sample()
            self.peak = Sample(
                max(now.anonymous, self.peak.anonymous),
                max(now.mapped, self.peak.mapped),
                max(now.cache, self.peak.cache),
            )

    def stop(self) -> None:
        self._ended.set()
        self.join()
