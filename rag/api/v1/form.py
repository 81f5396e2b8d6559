"""Reads multipart/form-data (RFC 7578) piece by piece: the file goes to disk as it comes in.

Starlette's own reader would keep it in a temporary file first, which may lie in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from rag.api.problems import Problem
from rag.types import Language

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE = "file"
_FIELD_BYTES = 4000
_MOST_PARTS = 20


class UploadForm:
    """``pieces`` yields the content of the part "file"; afterwards ``file_name`` and ``fields``
    are known. Raises ``Problem`` (400) for a form that cannot be read."""

    def __init__(self, content_type: str, language: Language) -> None:
        self.file_name = ""
        self.has_file = False
        self.fields: dict[str, str] = {}
        self._language = language
        self._parts = 0
        self._ended = False
        self._header = ""
        self._value = b""
        self._name = ""
        self._in_file = False
        self._field = bytearray()
        self._ready: list[bytes] = []
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        try:
            self._parser = MultipartParser(boundary, self._callbacks())
        except (FormParserError, ValueError) as error:
            raise self._broken() from error

    async def pieces(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Every part is read, whatever comes first."""
        async for chunk in body:
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise self._broken() from error
            for piece in self._ready:
                yield piece
            self._ready.clear()
        if not self._ended:
            raise self._broken()

    def _callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise self._broken()
        self._name, self._header, self._value = "", "", b""
        self._in_file = False
        self._field.clear()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end].decode("latin-1").lower()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header == "content-disposition":
            options = parse_options_header(self._value)[1]
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
            # Only the first file counts: a second one would be written behind it.
            if self._name == FILE and not self.has_file:
                self.has_file = self._in_file = True
                self.file_name = options.get(b"filename", b"").decode("utf-8", "replace")
        self._header, self._value = "", b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._ready.append(data[start:end])
        elif len(self._field) + end - start <= _FIELD_BYTES:
            self._field += data[start:end]
        else:
            raise self._broken()

    def _end(self) -> None:
        if not self._in_file:
            if self._name == FILE or self._name in self.fields:
                raise self._broken()
            self.fields[self._name] = self._field.decode("utf-8", "replace")

    def _finish(self) -> None:
        self._ended = True

    def _broken(self) -> Problem:
        return Problem(400, "error.form_broken", self._language)
