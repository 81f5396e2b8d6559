"""A model hub for tests: the few routes that huggingface_hub downloads a file with."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Literal
from urllib.parse import unquote

from tests.stand_in.http import Connection, HttpServer

_FILE = re.compile(r"/(?P<repository>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>[^?]+)")
_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_PIECE = 64 * 1024


class HubStandIn(HttpServer):
    """``files`` maps (repository, name) to content. ``requests`` are the (method, name) that came.

    ``mood``: "hang" takes connections and says nothing; "break" drops the first download of a
    large file half-way; "lie" sends other bytes than the checksum promises; "error" answers 500.
    """

    def __init__(
        self,
        files: dict[tuple[str, str], bytes],
        mood: Literal["good", "hang", "break", "lie", "error"] = "good",
    ) -> None:
        super().__init__()
        self.files = files
        self.mood = mood
        self.requests: list[tuple[str, str]] = []
        self.ranges: list[str] = []
        self.broken: set[str] = set()

    async def respond(self, connection: Connection, method: str, path: str, body: bytes) -> None:
        found = _FILE.match(unquote(path))
        name = found["name"] if found else path
        self.requests.append((method, name))
        if self.mood == "hang":
            await asyncio.Event().wait()  # until the client goes away
        if self.mood == "error" and found:
            await connection.send(500, "text/plain", b"internal error")
            return
        content = self.files.get((found["repository"], name)) if found else None
        if found is None:
            await connection.send(200, "text/html", b"a model hub")
        elif content is None:
            await connection.send(
                404, "text/plain", b"Entry not found", {"X-Error-Code": "EntryNotFound"}
            )
        else:
            await self._send_file(connection, method, name, content)

    async def _send_file(
        self, connection: Connection, method: str, name: str, content: bytes
    ) -> None:
        etag = hashlib.sha256(content).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": _COMMIT, "Accept-Ranges": "bytes"}
        if method == "HEAD":
            headers["X-Linked-Size"] = str(len(content))
            await connection.send(200, "application/octet-stream", content, headers)
            return
        if self.mood == "lie":
            content = bytes(len(content))
        wanted = connection.headers.get("range", "")
        self.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if self.mood == "break" and len(content) > _PIECE and name not in self.broken:
            self.broken.add(name)
            await connection.send_part(200, content[: len(content) // 2], len(content), headers)
            connection.drop()
            return
        await connection.send(
            206 if start else 200, "application/octet-stream", content[start:], headers
        )
