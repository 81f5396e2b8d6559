"""The folder of Qdrant Edge: one shard for each collection, open in one process at a time."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from rag.errors import StoreDown
from rag.store.folder_lock import take_lock

_CONFIG = "collection.json"


class Shards:
    """A collection is a folder with one shard and the parameters it was made with (JSON).

    Raises ``StoreDown("error.index_in_use")`` when another process has the folder, and
    ``StoreDown("error.index_unusable")`` when a shard cannot be read. May be used from any thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, Any] = {}
        self._opening = threading.Lock()
        self._lock_file: int | None = take_lock(folder)
        for leftover in folder.iterdir():
            # Half made, or half deleted, when the process was killed.
            if leftover.is_dir() and not (leftover / _CONFIG).exists():
                shutil.rmtree(leftover)

    def close(self) -> None:
        """Write everything down and let go of the folder. May be called twice."""
        with self._opening:
            for shard in self._open.values():
                shard.flush()
                shard.close()
            self._open.clear()
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    def names(self) -> list[str]:
        return sorted(path.parent.name for path in self._folder.glob(f"*/{_CONFIG}"))

    def exists(self, name: str) -> bool:
        return (self._folder / name / _CONFIG).exists()

    def parameters(self, name: str) -> str:
        return (self._folder / name / _CONFIG).read_text(encoding="utf-8")

    def create(self, name: str, config: Any, parameters: str) -> None:
        """Make a collection; raises ``ValueError`` when it is there already."""
        if self.exists(name):
            raise ValueError(f"collection {name} already exists")
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "shard").mkdir(parents=True)
        with self._opening:
            shard = edge.EdgeShard.create(str(folder / "shard"), config)
            shard.flush()
            # The parameters come last: a folder without them was never finished.
            draft = folder / f"{_CONFIG}.new"
            draft.write_text(parameters, encoding="utf-8")
            draft.rename(folder / _CONFIG)
            self._open[name] = shard

    def delete(self, name: str) -> None:
        with self._opening:
            shard = self._open.pop(name, None)
            if shard is not None:
                shard.close()
            (self._folder / name / _CONFIG).unlink(missing_ok=True)
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def get(self, name: str) -> Any:
        """The open shard of a collection; raises ``ValueError`` when there is none."""
        shard = self._open.get(name)
        if shard is not None:
            return shard
        with self._opening:
            if self._lock_file is None:
                raise StoreDown("error.index_closed")
            if name not in self._open:
                if not self.exists(name):
                    raise ValueError(f"collection {name} not found")
                path = self._folder / name / "shard"
                try:
                    self._open[name] = edge.EdgeShard.load(str(path))
                except Exception as error:  # the engine raises bare exceptions
                    raise StoreDown(
                        "error.index_unusable", path=str(path), reason=str(error)
                    ) from error
            return self._open[name]
