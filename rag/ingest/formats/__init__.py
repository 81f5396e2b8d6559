"""Manuals that are no PDFs become one: Word, HTML, Markdown, plain text, pictures of pages.

Each file is turned, once and in the capped worker, into a PDF of our own beside the original, the
*view copy*. Reading, boxes, page pictures and the viewer then work as for any PDF::

    kinds.py     what a file is, by its bytes
    word.py, html.py, markdown.py, plain.py → pieces.py    what stands in it, in order
    sheet.py, flow.py, grid.py                             pieces on pages
    pictures.py                                            a page for each picture
    convert.py                                             the story of one file

What a page is: in a Word file what Word last rendered, or its explicit breaks; in plain text what
form feeds part; else a top-level section, on as many sheets of A4 as it needs.
"""
