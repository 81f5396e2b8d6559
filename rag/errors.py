"""Errors that reach a person. Each names a message (``rag/messages``) in both languages."""

from __future__ import annotations


class RagError(Exception):
    """Something went wrong that the user should be told, with what to do about it.

    ``key`` is the message's key ("error.pdf_encrypted"); ``values`` fill its placeholders;
    ``retryable`` says whether the same request may succeed later.
    """

    def __init__(self, key: str, *, retryable: bool = False, **values: str) -> None:
        super().__init__(key, values)
        self.key = key
        self.values = values
        self.retryable = retryable


class BadFile(RagError):
    """An uploaded file that cannot become a manual."""


class NotAllowed(RagError):
    """The user's role does not permit this."""


class LanguageModelDown(RagError):
    """The language model did not answer, or stopped in the middle."""


class StoreDown(RagError):
    """The index or the database cannot be used."""
