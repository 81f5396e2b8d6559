"""Millwright answers questions about machines from the machines' own manuals.

Two stories, each told from top to bottom in one file:

* a question: ``rag/answer/ask.py``
  understand → find (``rag/retrieve/find.py``: exact code, HyDE, dense + BM25, fusion, rerank,
  dedup) → safety notices → fit to the window → generate or quote → check numbers and citations
* a manual: ``rag/ingest/manual.py``
  check → read pages (in a capped worker) → chunk → embed → index → publish at once

Imports go one way::

    settings, types, errors, messages, language, flights
      → models, store, access, observe
      → retrieve, ingest (reading)
      → services
      → answer, ingest.manual, ingest.jobs, ingest.drafts
      → api → chainlit_app, evals

This package imports nothing by itself: a worker that only reads a PDF stays small.
"""
