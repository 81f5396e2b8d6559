"""The sample manuals, their ground truth, and the script that builds them.

``python -m evals.samples`` writes, with the same bytes on every run:

    content/<machine>/*.txt     the source texts, in a small markup       → markup.py
    content/<machine>/*.psv     the long tables, one record a line
    markup.py   → blocks        flowables.py → text, boxes, tables        figures.py → drawings
    look.py     → styles, what a manual is                                scan.py → scanned pages
    document.py → pages, running heads, labels, outline                   contents.py
    truth.py    → truth.json    what stands on which page
    large.py    → build_large_manual(path, pages=200), for speed tests; not committed
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
COMPRESSOR_PDF = FOLDER / "Betriebsanleitung SK 37.pdf"
PRESS_PDF = FOLDER / "Operating Manual HP 160.pdf"
TRUTH_FILE = FOLDER / "truth.json"
