"""Whether there is room on the disk: asked before a manual is taken in, not when it is full."""

from __future__ import annotations

import shutil

from rag.errors import StoreDown
from rag.settings import Settings

MEGABYTE = 1024 * 1024
# What a manual takes at most beside its upload: the copy that is kept, its passages in the
# database and their journal, its vectors, pictures of its pages (measured: 2.1 to 3.4).
ROOM_PER_BYTE = 4


def free_mb(settings: Settings) -> int:
    """Free space for the data folder, in MB."""
    folder = settings.data_dir
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free // MEGABYTE


def require_room(settings: Settings, file_bytes: int) -> None:
    """Raises ``StoreDown("error.disk_nearly_full")`` when a file of ``file_bytes`` would leave less
    than ``MIN_FREE_MB``. Answers go on all the same."""
    needed = settings.min_free_mb + ROOM_PER_BYTE * file_bytes // MEGABYTE
    free = free_mb(settings)
    if free < needed:
        raise StoreDown(
            "error.disk_nearly_full", retryable=True, free=str(free), needed=str(needed)
        )
