"""PDFs put together byte by byte, for what a drawing library never writes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

# Code 0x80 is one sign that stands for two letters, as typesetting programs write "ff".
_LIGATURE = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CMapName /Ligature def /CMapType 2 def
1 begincodespacerange <00> <FF> endcodespacerange
1 beginbfrange <20> <7E> <0020> endbfrange
1 beginbfchar <80> <00660066> endbfchar
endcmap end end"""


def write_pdf(path: Path, contents: Sequence[bytes], *, packed: Sequence[bytes] = ()) -> Path:
    """A page for each of ``contents`` (PDF operators), set in font /F; ``packed`` gives the
    bytes of the page's stream where they are not to be those of ``contents`` packed."""
    streams = [*packed, *(zlib.compress(content) for content in contents[len(packed) :])]
    count = len(streams)
    pages = " ".join(f"{10 + 2 * number} 0 R" for number in range(count))
    widths = " ".join(["600"] * 97)
    bodies = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{pages}] /Count {count} >>".encode(),
        3: f"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /FirstChar 32 /LastChar 128 "
        f"/Widths [{widths}] /ToUnicode 4 0 R >>".encode(),
        4: _stream(_LIGATURE, ""),
    }
    for number, stream in enumerate(streams):
        bodies[10 + 2 * number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {11 + 2 * number} 0 R "
            f"/Resources << /Font << /F 3 0 R >> >> >>"
        ).encode()
        bodies[11 + 2 * number] = _stream(stream, "/Filter /FlateDecode ")
    file = b"%PDF-1.7\n"
    places = {}
    for number, body in bodies.items():
        places[number] = len(file)
        file += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{number} 1\n{place:010d} 00000 n \n" for number, place in places.items())
    trailer = f"trailer\n<< /Size {max(places) + 1} /Root 1 0 R >>\nstartxref\n{len(file)}\n%%EOF\n"
    path.write_bytes(file + f"xref\n0 1\n0000000000 65535 f \n{table}{trailer}".encode())
    return path


def _stream(content: bytes, entries: str) -> bytes:
    head = f"<< {entries}/Length {len(content)} >>\nstream\n".encode()
    return head + content + b"\nendstream"
