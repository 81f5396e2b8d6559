"""Files that try to break the reader: ``python -m evals.broken_files DIR`` writes them all.

Cut off, bits flipped, wrong types, locked, bombs of pages, objects, pixels and nesting, absurd
page sizes, names with paths and control characters; also of Word, web, text and picture files.
The same files on every run.
"""

from __future__ import annotations

import argparse
import io
import random
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from evals.broken_documents import broken_documents
from evals.samples import FOLDER, PRESS_PDF

CUTS = (1, 7, 100, 1_000, 5_000, 20_000, 50_000, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999)
FLIPS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)


def make_broken_files(folder: Path) -> list[Path]:
    """Write every broken file into ``folder``; returns their paths."""
    made = []
    for name, content in _all_files():
        path = folder / name
        path.write_bytes(content)
        made.append(path)
    return made


def _all_files() -> Iterator[tuple[str, bytes]]:
    sound = _some_pages()
    for cut in CUTS:
        size = int(cut * len(sound)) if isinstance(cut, float) else cut
        yield f"cut-{size}.pdf", sound[:size]
    for flips in FLIPS:
        yield f"flipped-{flips}.pdf", _flipped(sound, flips)
    yield from _wrong_types(sound)
    yield from _damaged_structure(sound)
    yield from _bombs()
    yield from _sizes()
    yield from _strange_names()
    yield from broken_documents()


def _some_pages() -> bytes:
    """Six pages of the English sample manual with text, tables and notices."""
    with pypdfium2.PdfDocument(FOLDER / PRESS_PDF.name) as whole:
        some = pypdfium2.PdfDocument.new()
        some.import_pages(whole, range(5, 11))
        output = io.BytesIO()
        some.save(output)
        some.close()
    return output.getvalue()


def _flipped(content: bytes, count: int) -> bytes:
    noise = random.Random(count)
    changed = bytearray(content)
    for _ in range(count):
        changed[noise.randrange(len(changed))] ^= 1 << noise.randrange(8)
    return bytes(changed)


def _wrong_types(sound: bytes) -> Iterator[tuple[str, bytes]]:
    yield "empty.pdf", b""
    yield "text.pdf", b"Dies ist kein PDF, sondern Text.\n" * 50
    yield "html.pdf", b"<!DOCTYPE html><html><body>not a PDF</body></html>"
    yield "header-only.pdf", b"%PDF-1.7\n"
    yield "header-and-noise.pdf", b"%PDF-1.7\n" + random.Random(7).randbytes(200_000)
    yield "zeros.pdf", bytes(100_000)
    picture = io.BytesIO()
    Image.new("RGB", (50, 50), "red").save(picture, "PNG")
    yield "picture.pdf", picture.getvalue()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("manual.txt", "text")
    yield "archive.pdf", archive.getvalue()
    yield "program.pdf", b"MZ" + random.Random(8).randbytes(5_000)
    yield "late-header.pdf", b"\n" * 2_000 + sound
    yield "locked-for-all.pdf", _drawn(StandardEncryption("secret", "owner", strength=128))
    yield "locked-for-changes.pdf", _drawn(StandardEncryption("", "owner", canPrint=0))
    yield "blank-pages.pdf", pdf(b"", pages=3)


def _drawn(encryption: StandardEncryption) -> bytes:
    output = io.BytesIO()
    canvas = Canvas(output, encrypt=encryption, invariant=1)
    canvas.drawString(100, 700, "The oil pressure is 3 bar.")
    canvas.save()
    return output.getvalue()


def _damaged_structure(sound: bytes) -> Iterator[tuple[str, bytes]]:
    text = b"BT /F1 12 Tf 72 700 Td (The oil pressure is 3 bar.) Tj ET"
    yield "no-cross-reference.pdf", pdf(text).split(b"xref")[0]
    loop = b"\nxref\n0 0\ntrailer\n<</Prev %d>>\nstartxref\n%d\n%%%%EOF"
    yield "cross-reference-loop.pdf", sound + loop % (len(sound) + 1, len(sound) + 1)
    yield "no-end.pdf", sound.replace(b"endstream", b"endstrea_").replace(b"endobj", b"endob_")
    yield "wrong-lengths.pdf", sound.replace(b"/Length ", b"/Length 9")
    yield "own-parent.pdf", pdf(text, tree=b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>")
    yield "missing-page.pdf", pdf(text, tree=b"<</Type/Pages/Kids[99 0 R]/Count 1>>")
    yield "page-is-a-number.pdf", pdf(text, tree=b"<</Type/Pages/Kids[12 true (x)]/Count 3>>")
    yield "negative-count.pdf", pdf(text, tree=b"<</Type/Pages/Kids[3 0 R]/Count -5>>")
    yield "no-pages.pdf", pdf(text, tree=b"<</Type/Pages/Kids[]/Count 0>>")
    yield "unknown-operators.pdf", pdf(b"1 2 3 XX YY << >> ] [ ZZ " * 5_000)
    yield "unbalanced-states.pdf", pdf(b"q " * 200_000 + text)
    yield "broken-stream.pdf", pdf(text).replace(b"/Length", b"/Filter/FlateDecode/Length")


def _bombs() -> Iterator[tuple[str, bytes]]:
    text = b"BT /F1 12 Tf 72 700 Td (Page.) Tj ET"
    yield "page-bomb.pdf", pdf(text, pages=20_000)
    yield "claimed-pages.pdf", pdf(text, tree=b"<</Type/Pages/Kids[3 0 R]/Count 2000000000>>")
    yield "object-bomb.pdf", pdf(b"0 0 m 10 10 l S\n" * 400_000, squeeze=True)
    yield (
        "rule-bomb.pdf",
        pdf(
            b"".join(b"%d 0 m %d 800 l S 0 %d m 600 %d l S\n" % (n, n, n, n) for n in range(3_000))
        ),
    )
    yield (
        "text-bomb.pdf",
        pdf(
            b"BT /F1 1 Tf 3 0 0 3 72 700 Tm " + b"(Oil oil oil oil oil) Tj T* " * 200_000 + b"ET",
            squeeze=True,
        ),
    )
    yield "stream-bomb.pdf", pdf(b" " * 300_000_000, squeeze=True)
    yield "nested-arrays.pdf", pdf(b"[" * 200_000 + text)
    yield "nested-dictionaries.pdf", pdf(text, extra=b"/A " + b"<</A " * 50_000 + b">>" * 50_000)
    yield "form-in-itself.pdf", pdf(b"/X0 Do " + text, forms=[b"/X0 Do /X0 Do"])
    yield (
        "form-doubling.pdf",
        pdf(b"/X0 Do", forms=[b"/X%d Do " % (n + 1) * 10 for n in range(9)] + [text]),
    )
    yield "pixel-bomb.pdf", pdf(b"600 0 0 800 0 0 cm /I0 Do", image=(60_000, 60_000))
    yield "pixel-line.pdf", pdf(b"600 0 0 800 0 0 cm /I0 Do", image=(2_000_000, 1))


def _sizes() -> Iterator[tuple[str, bytes]]:
    text = b"BT /F1 12 Tf 72 700 Td (The oil pressure is 3 bar.) Tj ET"
    boxes = {
        "huge": b"0 0 1000000000 1000000000",
        "long": b"0 0 10 14000",
        "wide": b"0 0 14400 14400",
        "zero": b"0 0 0 0",
        "negative": b"0 0 -595 -842",
        "far-away": b"1000000 1000000 1000595 1000842",
        "no-numbers": b"(a) (b) null true",
        "tiny": b"0 0 0.001 0.001",
    }
    for name, box in boxes.items():
        yield f"size-{name}.pdf", pdf(text, box=box)
        yield (
            f"size-{name}-picture.pdf",
            pdf(b"600 0 0 800 0 0 cm /I0 Do", box=box, image=(100, 100)),
        )


def _strange_names() -> Iterator[tuple[str, bytes]]:
    sound = pdf(b"BT /F1 12 Tf 72 700 Td (The oil pressure is 3 bar at the gauge.) Tj ET")
    for name in (
        "..%2F..%2Fetc%2Fpasswd.pdf", "line\nbreak.pdf", "bell\a and tab\t.pdf", "-rf.pdf",
        "$(touch owned).pdf", "' OR 1=1 --.pdf", "<b>bold.pdf", "\u202efdp.exe.pdf",
        "ü" * 100 + ".pdf", " .pdf", "..pdf", "manual.pdf.exe",
    ):  # fmt: skip
        yield name, sound


def pdf(
    content: bytes,
    *,
    pages: int = 1,
    tree: bytes = b"",
    box: bytes = b"0 0 595 842",
    squeeze: bool = False,
    forms: list[bytes] | None = None,
    image: tuple[int, int] | None = None,
    extra: bytes = b"",
) -> bytes:
    """A PDF written by hand; every page shows the same ``content``."""
    stream, coding = (
        (zlib.compress(content, 9), b"/Filter/FlateDecode") if squeeze else (content, b"")
    )
    named = b"".join(b"/X%d %d 0 R" % (n, 10 + n) for n in range(len(forms or [])))
    named += b"/I0 9 0 R" if image else b""
    resources = b"<</Font<</F1 5 0 R>>/XObject<<%s>>>>" % named
    kids = b" ".join([b"3 0 R"] * pages)
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: tree or b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pages),
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R/Resources %s%s>>"
        % (box, resources, extra),
        4: b"<<%s/Length %d>>stream\n%s\nendstream" % (coding, len(stream), stream),
        5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    }
    if image:
        width, height = image
        pixels = zlib.compress(bytes(min((width + 7) // 8 * height, 50_000_000)), 9)
        objects[9] = (
            b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 1/ColorSpace"
            b"/DeviceGray/Filter/FlateDecode/Length %d>>stream\n%s\nendstream"
            % (width, height, len(pixels), pixels)
        )
    for number, form in enumerate(forms or []):
        objects[10 + number] = (
            b"<</Type/XObject/Subtype/Form/BBox[0 0 600 900]/Resources %s/Length %d>>stream\n"
            b"%s\nendstream" % (resources, len(form), form)
        )
    return _assembled(objects)


def _assembled(objects: dict[int, bytes]) -> bytes:
    output = bytearray(b"%PDF-1.7\n")
    places = {}
    for number, body in objects.items():
        places[number] = len(output)
        output += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(output), max(objects) + 1
    output += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        output += b"%010d 00000 %s \n" % (places.get(number, 0), b"n" if number in places else b"f")
    output += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return bytes(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{len(make_broken_files(folder))} files in {folder}")


if __name__ == "__main__":
    main()
