"""The committed manuals are what the script builds, and have what makes real manuals hard."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pdfplumber
import pypdfium2
import pytest

from evals.gold.check import mend
from evals.samples import COMPRESSOR_PDF, PRESS_PDF, TRUTH_FILE
from evals.samples.__main__ import build_samples
from evals.samples.large import build_large_manual

PDFS = (COMPRESSOR_PDF, PRESS_PDF)
TRUTH: list[dict[str, Any]] = json.loads(TRUTH_FILE.read_text("utf-8"))["manuals"]
MANUALS = list(zip(PDFS, TRUTH, strict=True))


@pytest.fixture(scope="module")
def raw_texts() -> dict[str, list[str]]:
    """Text of every page as pdfium gives it, line ends and hyphens untouched."""
    texts = {}
    for path in PDFS:
        document = pypdfium2.PdfDocument(path)
        texts[path.name] = [page.get_textpage().get_text_range() for page in document]
        document.close()
    return texts


@pytest.mark.slow
@pytest.mark.skipif("ng" in zlib.ZLIB_RUNTIME_VERSION, reason="zlib-ng packs to other bytes")
def test_the_script_reproduces_the_committed_bytes(tmp_path: Path) -> None:
    build_samples(tmp_path)
    for committed in (*PDFS, TRUTH_FILE):
        assert (tmp_path / committed.name).read_bytes() == committed.read_bytes(), committed.name


@pytest.mark.slow
def test_a_large_manual_has_the_pages_that_were_asked_for(tmp_path: Path) -> None:
    pages = build_large_manual(tmp_path / "large.pdf", pages=100)
    assert 95 <= pages <= 110
    document = pypdfium2.PdfDocument(tmp_path / "large.pdf")
    assert len(document) == pages
    document.close()


def test_size_pages_labels_and_title() -> None:
    for (path, truth), least in zip(MANUALS, (50, 40), strict=True):
        assert path.stat().st_size < 3_000_000
        document = pypdfium2.PdfDocument(path)
        assert len(document) == len(truth["pages"]) >= least
        labels = [document.get_page_label(index) for index in range(len(document))]
        assert labels == [page["label"] for page in truth["pages"]]
        assert labels[:4] == ["i", "ii", "iii", "iv"]
        assert document.get_metadata_value("Title") == truth["title"]
        outline = [entry.get_title() for entry in document.get_toc()]
        assert outline == [heading["title"] for heading in truth["headings"]]
        document.close()


def test_rotated_scanned_and_two_column_pages() -> None:
    for path, truth in MANUALS:
        kinds = {page["kind"]: page["index"] for page in truth["pages"]}
        document = pypdfium2.PdfDocument(path)
        assert document[kinds["rotated"] - 1].get_rotation() == 90
        assert document[kinds["scanned"] - 1].get_textpage().get_text_range().strip() == ""
        assert "two_column" in kinds
        document.close()


def test_the_words_of_the_source_stand_on_their_pages(raw_texts: dict[str, list[str]]) -> None:
    for path, truth in MANUALS:
        total = found = 0
        for page in truth["pages"]:
            if page["kind"] == "scanned":
                continue
            text = mend(raw_texts[path.name][page["index"] - 1])
            words = page["text"].split()
            total += len(words)
            found += sum(word in text for word in words)
        assert found / total > 0.999


def test_notices_and_headers_stand_on_their_pages(raw_texts: dict[str, list[str]]) -> None:
    for path, truth in MANUALS:
        pages = [mend(text) for text in raw_texts[path.name]]
        for notice in truth["notices"]:
            body = " ".join(notice["text"].split())
            assert f"{notice['word']} {body}" in pages[notice["page"] - 1]
        for page in truth["pages"]:
            assert all(part in pages[page["index"] - 1] for part in page["running"])
        texts = [notice["text"] for notice in truth["notices"]]
        assert len(texts) - len(set(texts)) >= 5, "some notices repeat verbatim"
        assert {notice["signal"] for notice in truth["notices"]} == {
            "danger", "warning", "caution", "notice",
        }  # fmt: skip


@pytest.mark.slow
def test_lines_end_in_plain_and_in_soft_hyphens() -> None:
    """Read by pdfplumber, since pdfium gives U+FFFE for both."""
    for path in PDFS:
        with pdfplumber.open(path) as document:
            text = "\n".join(page.extract_text() for page in document.pages[5:30])
        assert text.count("\u00ad\n") >= 4
        assert text.count("-\n") >= 5


def test_faults_of_both_machines_share_codes_but_not_meanings() -> None:
    compressor, press = (
        {record["code"]: record for record in t["records"]["faults"]} for t in TRUTH
    )
    assert len(compressor) >= 100 and len(press) >= 100
    shared = compressor.keys() & press.keys()
    assert {"E-103", "E-104", "E-105"} <= shared
    assert "E-512" not in compressor.keys() | press.keys()
    assert compressor["E-104"]["title"] != press["E-104"]["title"]
    remedies = [compressor[f"E-10{digit}"]["remedy"] for digit in (3, 4, 5)]
    assert len(set(remedies)) == 3


def test_procedures_and_tables_cross_pages() -> None:
    for truth in TRUTH:
        pages_of: dict[tuple[str, ...], set[int]] = {}
        for step in truth["steps"]:
            pages_of.setdefault(tuple(step["section"]), set()).add(step["page"])
        assert sum(len(pages) > 1 for pages in pages_of.values()) >= 2
        for tag in ("faults", "parts", "tasks"):
            assert len({record["page"] for record in truth["records"][tag]}) > 1


def test_every_task_has_an_interval_and_every_part_a_number() -> None:
    for truth in TRUTH:
        assert all(task["intervals"] for task in truth["records"]["tasks"])
        numbers = [part["number"] for part in truth["records"]["parts"]]
        assert len(numbers) == len(set(numbers)) >= 60
    filters = [t for t in TRUTH[0]["records"]["tasks"] if t["task"] == "Ölfilter wechseln"]
    assert [t["intervals"] for t in filters] == [["2.000 h", "jährlich"]]


def test_the_same_screw_has_the_same_torque_everywhere() -> None:
    """A torque that a procedure or a remedy names must stand in the torque table or be its own."""
    for truth, names in (
        (TRUTH[0], {"Motorfußschrauben": "210 Nm", "Öleinfüllverschluss": "35 Nm"}),
        (TRUTH[1], {"drain plug": "140 Nm", "flange screws M24": "660 Nm"}),
    ):
        table = {c["cells"][list(c["cells"])[-1]] for c in truth["records"]["torques"]}
        texts = [step["text"] for step in truth["steps"]]
        for name, torque in names.items():
            assert torque in table
            named = [text for text in texts if name in text and " Nm" in text]
            assert named and all(torque in text for text in named)
