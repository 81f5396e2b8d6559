"""Files that belong to messages, in a folder: what Chainlit calls a storage client."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from chainlit.data.storage_clients.base import BaseStorageClient

_KEY = re.compile(r"[\w-]{1,64}/[\w-]{1,64}")  # thread id / element id: no way out of the folder


class ElementFiles(BaseStorageClient):  # type: ignore[misc]  # Chainlit is not typed for mypy
    """Object keys are ``<thread id>/<element id>``; read at ``/elements/<key>`` by its owner."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, object_key: str) -> Path:
        """Where the file lies. Raises ``ValueError`` for anything but two plain ids."""
        if not _KEY.fullmatch(object_key):
            raise ValueError(f"not a key of an element: {object_key!r}")
        return self._folder / object_key

    async def upload_file(
        self,
        object_key: str,
        data: bytes | str,
        mime: str = "application/octet-stream",
        overwrite: bool = True,
        content_disposition: str | None = None,
    ) -> dict[str, Any]:
        path = self.path(object_key)
        content = data.encode() if isinstance(data, str) else data
        await asyncio.to_thread(_write, path, content)
        return {"object_key": object_key, "url": await self.get_read_url(object_key)}

    async def delete_file(self, object_key: str) -> bool:
        path = self.path(object_key)
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return True

    async def get_read_url(self, object_key: str) -> str:
        return f"/elements/{object_key}"

    async def close(self) -> None:
        """Nothing is held open."""


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_bytes(content)
    draft.replace(path)
