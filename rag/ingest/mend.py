"""Lines back to running text: words broken at line ends are mended, others are left alone.

A soft hyphen (U+00AD) within a text is certain, but at a line end pdfium does not tell it from a
plain one. So the manual's own words decide: the joined word or the hyphenated one that stands
elsewhere in one piece. Without such a witness a hyphen before a small letter is taken for a break;
before a capital or a digit ("E-\\n104",
"Not-\\nHalt") and before "und", "or" … it belongs to the word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SOFT = "\u00ad"
_LONGEST_WORD = 100  # characters
_HYPHEN_END = re.compile(r"([^\W_][\w./-]*|[^\W\d_])-$")
_FIRST_WORD = re.compile(r"[^\W_][\w-]*")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_AFTER_SUSPENDED = frozenset("und oder bzw sowie bis and or to".split())


class Vocabulary:
    """The words that a manual prints in one piece."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._words: set[str] = set()
        self.see(lines)

    def see(self, lines: Iterable[str]) -> None:
        """Learn the words of further lines as printed."""
        for line in lines:
            # The last word may be broken, the first one the rest of a broken one.
            found = _WORD.findall(line)
            self._words.update(word.lower() for word in found[1:-1])
            if found and not line.endswith(("-", _SOFT)):
                self._words.add(found[-1].lower())

    def __contains__(self, word: str) -> bool:
        return word.lower() in self._words


def join_lines(lines: Sequence[str], vocabulary: Vocabulary) -> str:
    """The lines of one paragraph as running text."""
    text = ""
    for line in lines:
        text = _joined(text, line.strip(), vocabulary) if text else line.strip()
    return clean(text)


def ends_in_hyphen(text: str) -> bool:
    """Whether the last word goes on in the next line."""
    return text.endswith(_SOFT) or bool(_broken_word(text))


def _broken_word(text: str) -> re.Match[str] | None:
    """The word that ends ``text`` in a hyphen; no further back than a word can be long."""
    return _HYPHEN_END.search(text[-_LONGEST_WORD:]) if text.endswith("-") else None


def clean(text: str) -> str:
    """Soft hyphens within a line are not printed; odd blanks become plain ones."""
    return re.sub(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+", " ", text.replace(_SOFT, "")).strip()


def _joined(text: str, line: str, vocabulary: Vocabulary) -> str:
    if text.endswith(_SOFT):
        return text[:-1] + line
    broken = _broken_word(text)
    follower = _FIRST_WORD.match(line)
    if not broken or not follower:
        return f"{text} {line}"
    head, tail = broken[1], follower[0]
    if tail.lower() in _AFTER_SUSPENDED and f"{head}{tail}" not in vocabulary:
        return f"{text} {line}"  # "Ein- und Ausgang"
    capitals = tail.isupper() and head.isupper() and f"{head}{tail}" in vocabulary
    if not capitals and not (tail[0].islower() and head[-1].isalpha()):
        return text + line
    if _keeps_hyphen(head, tail, vocabulary):
        return text + line
    return text[:-1] + line


def _keeps_hyphen(head: str, tail: str, vocabulary: Vocabulary) -> bool:
    """Whether the hyphen between ``head`` and the small-lettered ``tail`` is part of the word."""
    last = re.split(r"[-/.]", head)[-1]
    if f"{last}{tail}" in vocabulary or f"{head}{tail}" in vocabulary:
        return False
    if f"{head}-{tail}" in vocabulary or f"{last}-{tail}" in vocabulary:
        return True
    return "-" in head and tail in vocabulary  # "Pick-and-" + "place"
