"""``python -m evals.gold.check``: is the gold set true, and is it shaped as it says?

Every gold passage and every ``must_contain`` must stand on its page in the text of the PDF itself
(on a scanned page: in the ground truth of the sample script); shares by category and language must
hold; ids must be unique; no question may be a copy of its passage.

``tuning.jsonl`` is for choosing numbers only (``python -m evals.tuning``), never for reporting:
questions in the words of users, and questions without an answer, about things that these machines
might well have, about other machines, and about anything else (category "other"). What its lines
call ``nowhere`` must not be in the machine's manual; none may be a held-out question in other
words.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pypdfium2

from evals.samples import FOLDER as SAMPLES
from evals.samples import TRUTH_FILE
from rag.retrieve.analyzer import pieces
from rag.retrieve.words import STOP_WORDS, root
from rag.types import Language

FOLDER = Path(__file__).parent
QUESTIONS_FILE = FOLDER / "questions.jsonl"
NOTICES_FILE = FOLDER / "notices.jsonl"
TUNING_FILE = FOLDER / "tuning.jsonl"

CATEGORIES = {"troubleshooting": 0.40, "safety": 0.25, "parts": 0.20, "schedules": 0.15}
GERMAN, OTHER_LANGUAGE, HELD_OUT = 0.60, 0.10, 1 / 3
TOLERANCE = 0.03  # of each share
ANSWERABLE, UNANSWERABLE, NOTICE_PLACES = 100, 16, 50
DIFFICULTIES = {
    "value", "table", "procedure", "two_places", "other_language", "unanswerable", "near_neighbour",
}  # fmt: skip
ALIKE = 0.5  # of the words of two questions together: too near to one that is held out
COPIED = 0.8  # a question with more of its words from the passage, in a row, is a copy

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def mend(text: str) -> str:
    """PDF text with hyphenated line ends joined and white space made single blanks."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub("[\u00ad\ufffe]\n?", "", text)
    text = re.sub(r"(?<=[^\W\d_])-\n(?!und |oder )(?=[a-zäöüß])", "", text)
    text = re.sub(r"-\n(?=[A-ZÄÖÜ0-9])", "-", text)
    return " ".join(text.split())


@cache
def page_texts(samples: Path = SAMPLES) -> dict[tuple[str, int], str]:
    """Text per (file name, physical page): from the PDF, on scanned pages from the truth."""
    texts: dict[tuple[str, int], str] = {}
    for manual in json.loads((samples / TRUTH_FILE.name).read_text("utf-8"))["manuals"]:
        document = pypdfium2.PdfDocument(samples / manual["file"])
        for page in manual["pages"]:
            text = mend(document[page["index"] - 1].get_textpage().get_text_range())
            texts[manual["file"], page["index"]] = (
                page["text"] if page["kind"] == "scanned" else text
            )
        document.close()
    return texts


def problems_of_question(row: Row, texts: dict[tuple[str, int], str]) -> list[str]:
    """What is wrong with one gold question; empty when nothing is."""
    found = []
    if row["difficulty"] not in DIFFICULTIES or row["category"] not in CATEGORIES:
        found.append("unknown category or difficulty")
    if not row["manuals"]:
        if row["pages"] or row["must_contain"] or row["difficulty"] != "unanswerable":
            found.append("has no manual, but pages, a text or another difficulty")
        return found
    pages = [texts.get((name, page), "") for name in row["manuals"] for page in row["pages"]]
    if not pages or not all(pages):
        found.append("a page is missing or empty")
    if not any(row["passage"] in text for text in pages):
        found.append(f"passage is on none of its pages: {row['passage']!r}")
    if row["must_contain"] and not any(row["must_contain"] in text for text in pages):
        found.append(f"must_contain is on none of its pages: {row['must_contain']!r}")
    if _copied(row["question"], row["passage"]):
        found.append("the question copies the passage")
    return found


def _copied(question: str, passage: str) -> bool:
    """Whether most of the question's words stand in the passage in the same order, unbroken."""
    words = re.findall(r"\w+", question.lower())
    text = " ".join(re.findall(r"\w+", passage.lower()))
    need = max(int(len(words) * COPIED), 3)
    return any(
        " ".join(words[start : start + need]) in text for start in range(len(words) - need + 1)
    )


def problems_of_tuning(
    row: Row, texts: dict[tuple[str, int], str], held_out: list[Row]
) -> list[str]:
    """What is wrong with one tuning question."""
    found = []
    pages = [texts.get((name, page), "") for name in row["manuals"] for page in row["pages"]]
    if row["manuals"] and not any(row["must_contain"] in text for text in pages):
        found.append(f"must_contain is on none of its pages: {row['must_contain']!r}")
    files = {m["file"] for m in _truth()["manuals"] if row["machine"] in m["machine"]}
    whole = " ".join(text for (name, _), text in texts.items() if name in files)
    for word in row.get("nowhere", ()):
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", whole, re.IGNORECASE):
            found.append(f"the manual has what is said to be nowhere: {word!r}")
    words = _words(row)
    for other in held_out:
        theirs = _words(other)
        if len(words & theirs) > ALIKE * len(words | theirs):
            found.append("too much like a question that is held out")
    return found


def _words(row: Row) -> set[str]:
    """The telling words of a question."""
    language: Language = "de" if row["language"] == "de" else "en"
    found = (piece.text for piece in pieces(row["question"]))
    return {root(word, language) for word in found if word not in STOP_WORDS[language]}


def problems_of_notice(row: Row, texts: dict[tuple[str, int], str]) -> list[str]:
    """What is wrong with one labelled place for safety notices."""
    found = []
    name = row["manuals"][0]
    # a section's notices may stand a page before or behind the passage
    near = {page + step for page in row["pages"] for step in (-1, 0, 1)}
    around = [texts.get((name, page), "") for page in sorted(near)]
    if not row["pages"] or not row["notices"]:
        found.append("no page or no notice")
    for notice in row["notices"]:
        if not any(" ".join(notice.split()) in text for text in around):
            found.append(f"notice is not at its place: {notice[:50]!r}")
    return found


def problems_of_shares(rows: list[Row]) -> list[str]:
    """Whether the set has the size and the shares that it was asked to have."""
    languages = {m["file"]: m["language"] for m in _truth()["manuals"]}
    answerable = [row for row in rows if row["manuals"]]
    other = [r for r in answerable if r["language"] not in {languages[m] for m in r["manuals"]}]
    categories = Counter(row["category"] for row in rows)
    shares = [(name, categories[name] / len(rows), want) for name, want in CATEGORIES.items()]
    shares.append(("German", sum(r["language"] == "de" for r in rows) / len(rows), GERMAN))
    shares.append(("other language", len(other) / len(rows), OTHER_LANGUAGE))
    held_out = sum(row["split"] == "held_out" for row in rows) / len(rows)
    shares.append(("held out", held_out, HELD_OUT))
    found = [
        f"{name}: {share:.3f} instead of {want:.3f}"
        for name, share, want in shares
        if abs(share - want) > TOLERANCE
    ]
    if len(answerable) < ANSWERABLE or len(rows) - len(answerable) < UNANSWERABLE:
        found.append(
            f"only {len(answerable)} with and {len(rows) - len(answerable)} without answer"
        )
    return found


def _truth() -> dict[str, Any]:
    return json.loads(TRUTH_FILE.read_text("utf-8"))  # type: ignore[no-any-return]


def problems() -> list[str]:
    """Everything that is wrong with the gold set; empty when it holds."""
    questions, notices = read_rows(QUESTIONS_FILE), read_rows(NOTICES_FILE)
    texts = page_texts()
    found = [f"{r['id']}: {text}" for r in questions for text in problems_of_question(r, texts)]
    found += [f"{r['id']}: {text}" for r in notices for text in problems_of_notice(r, texts)]
    held_out = [row for row in questions if row["split"] == "held_out"]
    tuning = read_rows(TUNING_FILE)
    found += [f"{r['id']}: {t}" for r in tuning for t in problems_of_tuning(r, texts, held_out)]
    for rows in (questions, notices, tuning):
        for field in ("id", "question"):
            counts = Counter((row[field], row["machine"] * (field == "question")) for row in rows)
            found += [f"twice: {value[0]}" for value, count in counts.items() if count > 1]
    if len(notices) < NOTICE_PLACES:
        found.append(f"only {len(notices)} places for notices")
    return found + problems_of_shares(questions)


def main() -> int:
    found = problems()
    for text in found:
        print(text)
    count = len(read_rows(QUESTIONS_FILE))
    print(f"{count} questions, {len(read_rows(NOTICES_FILE))} notice places, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
