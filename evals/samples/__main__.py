"""``python -m evals.samples [--out FOLDER]``: the two PDFs and their ground truth."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from evals.samples import COMPRESSOR_PDF, FOLDER, PRESS_PDF, TRUTH_FILE
from evals.samples.document import build
from evals.samples.manuals import COMPRESSOR, PRESS
from evals.samples.markup import read_blocks
from evals.samples.truth import manual_truth


def build_samples(out: Path) -> dict[str, int]:
    """Writes both manuals and ``truth.json`` into ``out``; returns pages per file name."""
    truths = []
    pages = {}
    for manual, path in ((COMPRESSOR, COMPRESSOR_PDF), (PRESS, PRESS_PDF)):
        recorder = build(manual, read_blocks(manual.folder), out / path.name)
        meta = {
            "title": manual.title,
            "machine": manual.machine,
            "type": manual.type,
            "revision": manual.revision,
            "date": manual.date,
            "language": manual.language,
        }
        truths.append(manual_truth(recorder, path.name, meta))
        pages[path.name] = len(recorder.labels)
    text = json.dumps({"manuals": truths}, ensure_ascii=False, indent=1)
    (out / TRUTH_FILE.name).write_text(text + "\n", "utf-8")
    return pages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER)
    for name, count in build_samples(parser.parse_args().out).items():
        print(f"{name}: {count} pages")


if __name__ == "__main__":
    main()
