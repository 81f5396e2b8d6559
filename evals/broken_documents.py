"""Word, web, text and picture files that try to break the reader; part of ``broken_files``."""

from __future__ import annotations

import base64
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

import docx
from PIL import Image

_NAMES = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_TEXT = "<w:p><w:r><w:t>The oil pressure is 3 bar at the gauge.</w:t></w:r></w:p>"


def broken_documents() -> Iterator[tuple[str, bytes]]:
    """(name, content) of each, the same on every run."""
    yield from _word_files()
    yield from _web_pages()
    yield from _texts()
    yield from _pictures()
    yield from _others()


# --- Word ----------------------------------------------------------------------------------------


def _word_files() -> Iterator[tuple[str, bytes]]:
    sound = _word(_TEXT * 50)
    for share in (0.2, 0.6, 0.95, 0.999):
        yield f"cut-{share}.docx", sound[: int(share * len(sound))]
    for flips in (3, 30, 300):
        noise, changed = random.Random(flips), bytearray(sound)
        for _ in range(flips):
            changed[noise.randrange(len(changed))] ^= 1 << noise.randrange(8)
        yield f"flipped-{flips}.docx", bytes(changed)
    yield "zip-bomb.docx", _word(_TEXT + " " * 40_000_000)
    yield "parts-bomb.docx", _archive(sound, {f"word/media/{n}.xml": b"<a/>" for n in range(9_000)})
    yield "no-text.docx", _archive(sound, {"word/document.xml": b""})
    yield "no-xml.docx", _archive(sound, {"word/document.xml": b"\x00\x01\x02 word/document"})
    grown = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    entity = f'<!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">{grown}]>'
    yield "entity-bomb.docx", _word("<w:p><w:r><w:t>&a9;</w:t></w:r></w:p>", before=entity)
    foreign = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    yield "foreign-entity.docx", _word("<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", before=foreign)
    deep = "<w:tbl><w:tr><w:tc>" * 2_000 + _TEXT + "</w:tc></w:tr></w:tbl>" * 2_000
    yield "nested-tables.docx", _word(deep)
    yield "break-bomb.docx", _word('<w:p><w:r><w:br w:type="page"/></w:r></w:p>' * 50_000)
    wide = '<w:tc><w:tcPr><w:gridSpan w:val="2000000000"/></w:tcPr>' + _TEXT + "</w:tc>"
    yield "span-bomb.docx", _word(f"<w:tbl>{f'<w:tr>{wide * 3}</w:tr>' * 20}</w:tbl>")
    row = "<w:tr>" + f"<w:tc>{_TEXT}</w:tc>" * 30 + "</w:tr>"
    yield "cell-bomb.docx", _word(f"<w:tbl>{row * 12}</w:tbl>")
    yield "paragraph-bomb.docx", _word(_TEXT * 120_000)


def _word(body: str, before: str = "") -> bytes:
    """A Word file with this body; ``before`` stands in front of its root element."""
    output = io.BytesIO()
    docx.Document().save(output)
    xml = f'<?xml version="1.0"?>{before}<w:document {_NAMES}><w:body>{body}</w:body></w:document>'
    return _archive(output.getvalue(), {"word/document.xml": xml.encode()})


def _archive(file: bytes, parts: dict[str, bytes]) -> bytes:
    """The ZIP archive ``file`` with parts replaced or added."""
    output = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(file)) as old,
        zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            if entry.filename not in parts:
                new.writestr(zipfile.ZipInfo(entry.filename), old.read(entry))
        for name, content in parts.items():
            new.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return output.getvalue()


# --- web pages, text -----------------------------------------------------------------------------


def _web_pages() -> Iterator[tuple[str, bytes]]:
    start, text = b"<!DOCTYPE html><html><body>", b"<p>The oil pressure is 3 bar at the gauge.</p>"
    yield "nested.html", start + b"<div>" * 100_000 + text
    yield "unclosed.html", start + text + b"<b><i><table><tr>" * 50_000
    span = b"<td colspan=999999999 rowspan=999999999>a</td>"
    yield "span-bomb.html", start + b"<table>" + (b"<tr>" + span * 5 + b"</tr>") * 50 + b"</table>"
    row = b"<tr>" + b"<td>value</td>" * 60 + b"</tr>"
    yield "cell-bomb.html", start + b"<table>" + row * 50 + b"</table>"
    yield "table-in-table.html", start + b"<table><tr><td>" * 3_000 + text
    data = base64.b64encode(pixel_bomb())
    yield "pixel-bomb.html", start + text + b'<img src="data:image/png;base64,' + data + b'">' * 3
    yield "attribute.html", start + b'<p title="' + b"a" * 12_000_000 + b'">' + text
    yield "entities.html", start + b"&#99999999999;&#0;&#xD800;&amp" * 1_000 + text
    yield "frames.html", b"<html><frameset><frame src=file:///etc/passwd></frameset></html>"
    yield "style-bomb.html", b"<html><style>" + b"a{color:red}" * 900_000 + b"</style>" + text
    yield "text-bomb.html", start + text * 400_000


def _texts() -> Iterator[tuple[str, bytes]]:
    yield "quotes.md", b"> " * 50_000 + b"deep"
    yield "lists.md", b"".join(b" " * (2 * n) + b"- deep\n" for n in range(600))
    yield "brackets.md", b"[" * 20_000 + b"a" + b"](b)" * 1_000
    yield "stars.md", b"*a **b " * 10_000
    yield "columns.md", b"|" + b"a|" * 2_000 + b"\n|" + b"-|" * 2_000 + b"\n" + b"|a" * 2_000
    yield "one-line.txt", b"x" * 60_000
    yield "form-feeds.txt", b"page\f" * 100_000
    yield "lines.txt", b"The oil pressure is 3 bar.\n" * 350_000
    yield "half-of-utf-16.txt", "Der Öldruck beträgt 3 bar.".encode("utf-16")[:-1]
    yield "marks.txt", ("\u202e\u200b\u0301" * 100_000).encode() + b"The oil pressure is 3 bar."
    yield "too-large.md", b"# Heading\n\ntext\n\n" * 400_000


# --- pictures ------------------------------------------------------------------------------------


def pixel_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few hundred kB that says it has 3,600 million pixels."""
    rows = zlib.compress(bytes(min((width // 8 + 1) * height, 40_000_000)), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    )


def _pictures() -> Iterator[tuple[str, bytes]]:
    yield "pixel-bomb.png", pixel_bomb()
    yield "pixel-line.png", pixel_bomb(2_000_000, 1)
    for kind, name in (("PNG", "png"), ("JPEG", "jpg"), ("TIFF", "tif"), ("WEBP", "webp")):
        sound = _picture(kind)
        yield f"cut.{name}", sound[: int(0.6 * len(sound))]
        changed = bytearray(sound)
        for place in range(60, len(changed), 97):
            changed[place] ^= 0x5A
        yield f"flipped.{name}", bytes(changed)
    yield "one-pixel.png", _picture("PNG", (1, 1))
    tiff = bytearray(_picture("TIFF"))
    offset = struct.unpack("<I", tiff[4:8])[0]
    count = struct.unpack("<H", tiff[offset : offset + 2])[0]
    tiff[offset + 2 + 12 * count : offset + 6 + 12 * count] = struct.pack("<I", offset)
    yield "page-loop.tif", bytes(tiff)
    frames = [Image.new("1", (8, 8)) for _ in range(1_500)]
    output = io.BytesIO()
    frames[0].save(output, "TIFF", save_all=True, append_images=frames[1:])
    yield "page-bomb.tif", output.getvalue()


def _picture(kind: str, size: tuple[int, int] = (300, 200)) -> bytes:
    output = io.BytesIO()
    noise = Image.frombytes("L", size, random.Random(3).randbytes(size[0] * size[1]))
    noise.convert("RGB").save(output, kind, dpi=(200, 200))
    return output.getvalue()


def _others() -> Iterator[tuple[str, bytes]]:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + random.Random(4).randbytes(9_000)
    yield "old.doc", ole
    yield "locked.docx", ole  # so Word writes a file with a password
    yield "sheet.xlsx", _zip("xl/workbook.xml")
    yield "slides.pptx", _zip("ppt/presentation.xml")
    yield "archive.zip", _zip("manual.pdf")
    yield "letter.rtf", b"{\\rtf1\\ansi The oil pressure is 3 bar.}"
    yield "program.docx", b"\x7fELF" + random.Random(5).randbytes(5_000)
    yield "page.docx", b"<!DOCTYPE html><html><body>Not found</body></html>"
    yield "pdf-in-disguise.docx", b"%PDF-1.7\nnothing more"
    yield "program.txt", b"MZ\x90\x00" + bytes(2_000)
    yield "empty.md", b""
    yield "blank.txt", b" \n\t\n" * 500
    yield "script.html", b"<html><body><script>alert(1)</script></body></html>"


def _zip(name: str) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as file:
        file.writestr(zipfile.ZipInfo(name), b"<a/>")
    return output.getvalue()
