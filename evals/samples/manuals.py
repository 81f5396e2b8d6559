"""The two sample manuals: who made the machine, what its type is, which revision this is."""

from __future__ import annotations

from evals.samples import FOLDER
from evals.samples.look import Manual

COMPRESSOR = Manual(
    folder=FOLDER / "content" / "compressor",
    language="de",
    title="Betriebsanleitung Schraubenkompressor SK 37",
    machine="SK 37",
    type="Betriebsanleitung",
    revision="4.2",
    date="2025-03",
    maker="Kolbrink Drucklufttechnik GmbH",
    head="Schraubenkompressor SK 37 – Betriebsanleitung",
    foot="BA-SK37-DE · Rev. 4.2 · 03/2025",
    contents_title="Inhaltsverzeichnis",
)

PRESS = Manual(
    folder=FOLDER / "content" / "press",
    language="en",
    title="Operating and Maintenance Manual Hydraulic Press HP 160",
    machine="HP 160",
    type="Operating manual",
    revision="C",
    date="2024-09",
    maker="Ashdown & Pike Presses Ltd",
    head="Hydraulic Press HP 160 – Operating and Maintenance Manual",
    foot="OM-HP160-EN · Rev. C · September 2024",
    contents_title="Contents",
    chapter_labels=True,
)
