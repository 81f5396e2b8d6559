"""From a file to a manual in the library.

Reading (``document.py`` tells it from top to bottom, in the worker process)::

    open → per page: shapes, glyphs, grids, lines (``pages.py``), or ``ocr``
         → pages that are damaged (``damage.py``) → furniture and labels → headings
         → blocks, terms → passages, tables, records → crumbs joined (``tidy.py``) → chunks

Publishing: ``manual.py`` and ``jobs.py``. Page pictures for the viewer: ``render.py``.
"""
