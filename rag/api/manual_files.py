"""Pages of manuals as pictures, rendered once and kept for a while."""

from __future__ import annotations

import threading
from pathlib import Path

from rag.ingest.render import page_image

WIDTHS_PX = (480, 960, 1600, 2400)
CACHED_IMAGES = 400  # some 100 MB of disk


class PageImages:
    """Rendered pages, kept on disk up to ``limit`` of them; the longest unused go first."""

    def __init__(self, folder: Path, limit: int = CACHED_IMAGES) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()

    def get(self, file: Path, manual_id: str, index: int, width: int) -> bytes:
        """The picture of page ``index`` (1-based), ``width`` px wide."""
        path = self._folder / f"{manual_id}-{index}-{width}"
        if path.exists():
            path.touch()
            return path.read_bytes()
        image = page_image(file, index, width_px=width)
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".new")
            draft.write_bytes(image)
            draft.replace(path)
            kept = sorted(self._folder.iterdir(), key=lambda one: one.stat().st_mtime)
            for old in kept[: max(0, len(kept) - self._limit)]:
                old.unlink(missing_ok=True)
        return image


def media_type(image: bytes) -> str:
    """The type of a picture by its first bytes."""
    if image.startswith(b"\x89PNG"):
        return "image/png"
    return "image/webp" if image[8:12] == b"WEBP" else "image/jpeg"
