"""One process at a time in a folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from rag.errors import StoreDown


def take_lock(folder: Path) -> int:
    """Hold ``folder/lock`` until the returned descriptor is closed; the kernel frees it when the
    process ends, however it ends. Raises ``StoreDown("error.index_in_use")``."""
    folder.mkdir(parents=True, exist_ok=True)
    lock_file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock_file, 32).decode(errors="replace").strip() or "?"
        os.close(lock_file)
        raise StoreDown("error.index_in_use", path=str(folder), process=holder) from error
    os.ftruncate(lock_file, 0)
    os.write(lock_file, f"{os.getpid()}\n".encode())
    return lock_file
