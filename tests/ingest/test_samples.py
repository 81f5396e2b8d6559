"""The sample manuals as read, against what their script says it put on each page."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rag.ingest.document import ReadManual, read_document
from rag.types import Chunk

SAMPLES = Path(__file__).parents[2] / "evals" / "samples"
TRUTH: dict[str, Any] = {
    manual["language"]: manual
    for manual in json.loads((SAMPLES / "truth.json").read_text("utf-8"))["manuals"]
}
both = pytest.mark.parametrize("language", ["de", "en"])
pytestmark = pytest.mark.slow


@cache
def read(language: str) -> ReadManual:
    name = TRUTH[language]["file"]
    return read_document(SAMPLES / name, file_name=name, ocr_languages="deu+eng")


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text))


def squeezed(text: str) -> str:
    return " ".join(text.split())


def chunks_of(language: str, kind: str) -> list[Chunk]:
    return [chunk for chunk in read(language).chunks if chunk.kind == kind]


@both
def test_every_word_is_found_on_its_page(language: str) -> None:
    wanted = found = 0
    for truth, page in zip(TRUTH[language]["pages"], read(language).pages, strict=True):
        source = words(truth["text"])
        common = source & words(page.text)
        wanted += source.total()
        found += common.total()
        least = 0.95 if truth["kind"] == "scanned" else 0.99
        assert common.total() >= least * source.total(), (page.index, source - words(page.text))
    assert found >= 0.99 * wanted


@both
def test_no_page_is_lost_and_labels_are_those_printed(language: str) -> None:
    truth = TRUTH[language]["pages"]
    pages = read(language).pages
    assert [(p.index, p.label) for p in pages] == [(p["index"], p["label"]) for p in truth]
    assert not read(language).quality.unread_pages
    scanned = tuple(p["index"] for p in truth if p["kind"] == "scanned")
    assert read(language).quality.ocr_pages == scanned


@both
def test_headers_and_footers_are_in_no_chunk(language: str) -> None:
    running = {
        line
        for page in TRUTH[language]["pages"]
        for line in page["running"]
        if len(line) > 8 and not re.match(r"\d", line)
    }
    titles = {line for page in TRUTH[language]["pages"] for line in page["running"][1:2]}
    for chunk in read(language).chunks:
        assert not [line for line in running if line in chunk.text], chunk
        assert not titles.intersection(chunk.text.splitlines()), chunk


@both
def test_every_page_and_passage_is_in_the_manuals_language(language: str) -> None:
    manual = read(language)
    assert {page.language for page in manual.pages} == {language}
    assert [chunk.text for chunk in manual.chunks if chunk.language != language] == []


@both
def test_every_signal_word_box_is_a_notice_with_its_exact_text(language: str) -> None:
    notices = chunks_of(language, "notice")
    found = [(c.first_page, squeezed(c.text), c.signal, list(c.heading)) for c in notices]
    wanted = [
        (n["page"], squeezed(f"{n['word']}\n{n['text']}"), n["signal"], n["section"])
        for n in TRUTH[language]["notices"]
    ]
    assert found == wanted


def as_text(cells: dict[str, str]) -> str:
    return " | ".join(f"{name}: {value}" for name, value in cells.items() if value)


@both
def test_every_fault_code_is_a_record_with_the_right_values(language: str) -> None:
    found = {chunk.codes: (chunk.first_page, chunk.text) for chunk in chunks_of(language, "fault")}
    for record in TRUTH[language]["records"]["faults"]:
        code = record["cells"]["Code"]
        assert found[(code,)] == (record["page"], as_text(record["cells"]))


@both
def test_every_part_number_is_a_record_with_the_right_values(language: str) -> None:
    name = {"de": "Teilenummer", "en": "Part number"}[language]
    found = {chunk.codes: (chunk.first_page, chunk.text) for chunk in chunks_of(language, "parts")}
    for record in TRUTH[language]["records"]["parts"]:
        number = record["cells"][name]
        assert found[(number,)] == (record["page"], as_text(record["cells"]))


@both
def test_every_maintenance_interval_is_said_in_words(language: str) -> None:
    every = {"de": "alle", "en": "every"}[language]
    texts = [(chunk.first_page, chunk.text) for chunk in chunks_of(language, "maintenance")]
    for record in TRUTH[language]["records"]["tasks"]:
        cells = list(record["cells"].items())
        intervals = [
            f"{every} {name}" if name[0].isdigit() else name[0].lower() + name[1:]
            for name, cell in cells[2:]
            if cell.strip().upper() == "X"
        ]
        start = f"{cells[1][1]}: {', '.join(intervals)} | {cells[0][0]}: {cells[0][1]}"
        rest = [
            f"{name}: {cell}" for name, cell in cells[2:] if cell.strip().upper() not in ("", "X")
        ]
        assert (record["page"], " | ".join([start, *rest])) in texts


@both
def test_every_inspection_and_its_period_is_a_record(language: str) -> None:
    texts = [(chunk.first_page, chunk.text) for chunk in chunks_of(language, "maintenance")]
    for record in TRUTH[language]["records"]["checks"]:
        assert (record["page"], as_text(record["cells"])) in texts


@both
def test_every_value_stands_with_its_name_and_unit(language: str) -> None:
    tables = [chunk for chunk in read(language).chunks if chunk.kind == "table"]
    for tag in ("data", "torques", "parameters"):
        for record in TRUTH[language]["records"].get(tag, []):
            name, *values = record["cells"].items()
            unit = next((v for n, v in values if n in ("Einheit", "Unit")), "")
            line = next(
                line
                for chunk in tables
                if chunk.first_page <= record["page"] <= chunk.last_page
                for line in chunk.text.splitlines()
                if line.startswith(f"{name[0]}: {name[1]} | ")
            )
            for column, value in values:
                if value in ("<", "^", "") or column in ("Einheit", "Unit"):
                    continue
                assert f"{column}: {value}" in line
                if unit not in ("", "–", "-") and re.search(r"\d|[½¼¾]", value):
                    assert f"{value} {unit}" in line or value.endswith(unit)


@both
def test_steps_stay_whole_in_order_and_in_their_section(language: str) -> None:
    procedures = chunks_of(language, "procedure")
    place = (0, -1)
    for step in TRUTH[language]["steps"]:
        line = f"{step['marker']} {step['text']}"
        found = [
            (chunk.position, chunk.text.index(line))
            for chunk in procedures
            if line in chunk.text and list(chunk.heading) == step["section"]
            and chunk.first_page <= step["page"] <= chunk.last_page
        ]  # fmt: skip
        assert found, step
        assert any(candidate > place for candidate in found)
        place = min(candidate for candidate in found if candidate > place)


@both
def test_headings_are_the_manuals_own(language: str) -> None:
    """The numbered ones exactly as listed; others, of the front matter, stand on a page."""
    titles = {heading["title"] for heading in TRUTH[language]["headings"]}
    printed = {line for page in read(language).pages for line in page.text.splitlines()}
    used = {title for chunk in read(language).chunks for title in chunk.heading}
    assert used <= titles | {title for title in printed if not title[0].isdigit()}
    paths = {chunk.heading for chunk in read(language).chunks}
    for section in {tuple(step["section"]) for step in TRUTH[language]["steps"]}:
        assert section in paths


@both
def test_notices_belong_to_the_passages_after_them_in_their_section(language: str) -> None:
    chunks = read(language).chunks
    by_id = {chunk.id: chunk for chunk in chunks}
    for number, notice in enumerate(chunks):
        if notice.kind != "notice":
            continue
        following = next((c for c in chunks[number + 1 :] if c.kind != "notice"), None)
        if following and following.heading == notice.heading:
            assert notice.id in following.notices
    for chunk in chunks:
        for notice in (by_id[number] for number in chunk.notices):
            if notice.position > chunk.position:  # it ends the section
                after = chunks[notice.position + 1 :]
                assert not [c for c in after if c.heading == chunk.heading and c.kind != "notice"]
            assert chunk.heading[: len(notice.heading)] == notice.heading


@both
def test_boxes_lie_on_the_page_and_ids_are_the_same_again(language: str) -> None:
    first = read(language)
    for chunk in first.chunks:
        assert chunk.boxes
        for box in chunk.boxes:
            assert 0 <= box.x0 < box.x1 <= 1
            assert 0 <= box.y0 < box.y1 <= 1
            assert chunk.first_page <= box.page <= chunk.last_page
    read.cache_clear()
    assert [chunk.id for chunk in read(language).chunks] == [chunk.id for chunk in first.chunks]
    assert len({chunk.id for chunk in first.chunks}) == len(first.chunks)


@both
def test_what_the_manual_says_of_itself_is_guessed(language: str) -> None:
    truth, manual = TRUTH[language], read(language)
    assert manual.title == truth["title"]
    assert truth["machine"] in manual.machine
    assert manual.type.lower() == truth["type"].lower()
    assert manual.revision == truth["revision"]
    assert manual.language == truth["language"]
