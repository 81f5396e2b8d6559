"""One process at a time in a folder; several where nothing in it is of one process alone."""

from __future__ import annotations

import fcntl
import os
from itertools import count
from pathlib import Path

from rag.errors import StoreDown
from rag.settings import Settings


def may_share(settings: Settings) -> bool:
    """Whether several processes may use one data folder: no database of it is a file there."""
    traces_elsewhere = settings.mlflow_tracking_uri.startswith("http") or not settings.tracing
    database = settings.database_url.get_secret_value()
    return bool(database and settings.qdrant_url and traces_elsewhere)


def take_place(folder: Path) -> Path:
    """The first folder ``folder/processes/<number>`` that no living process has: ours from now on,
    with what a dead one left in it."""
    for number in count(1):
        place = folder / "processes" / str(number)
        try:
            take_lock(place)
        except StoreDown:
            continue
        return place
    raise AssertionError("unreachable")


def take_lock(folder: Path, *, shared: bool = False) -> int:
    """Hold ``folder/lock`` until the returned descriptor is closed; the kernel frees it when the
    process ends, however it ends. With ``shared``, together with others who do so too. Raises
    ``StoreDown("error.index_in_use")``."""
    folder.mkdir(parents=True, exist_ok=True)
    lock_file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock_file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock_file, 32).decode(errors="replace").strip() or "?"
        os.close(lock_file)
        raise StoreDown("error.index_in_use", path=str(folder), process=holder) from error
    os.ftruncate(lock_file, 0)
    os.write(lock_file, f"{os.getpid()}\n".encode())
    return lock_file
