"""From a file to a manual in the library.

Reading (``document.py`` tells it from top to bottom, in the worker process)::

    open → per page: shapes, glyphs, grids, lines (``pages.py``), or ``ocr``
         → furniture and labels → headings → blocks → passages, tables, records → chunks

Publishing: ``manual.py`` and ``jobs.py``. Page pictures for the viewer: ``render.py``.
"""
