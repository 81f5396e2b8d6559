"""Finding: the right page first. The story is told in ``find.py``."""
