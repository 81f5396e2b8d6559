"""Sources of an answer: numbered citations, and which passage a sentence rests on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.answer.excerpt import best_part
from rag.answer.numbers import Finding
from rag.answer.passages import Passage
from rag.answer.records import words_of
from rag.answer.relevance import Relevance
from rag.messages import say
from rag.types import Chunk, Citation, Hit, Language

CITATION = re.compile(r"[ \t]?\[(\d+(?:\s*,\s*\d+)*)\]")
_QUOTE_CHARACTERS = 420
_ENOUGH_WORDS = 0.5
_FEWEST_WORDS, _FEWEST_TO_MARK = 2, 3
_NO_ANSWER = re.compile(
    r"\b(?:nicht|kein\w*)\b.*\b(?:handbuch|handbüchern|stellen?|passagen?|angabe\w*|information\w*"
    r"|beantwort\w*|enthalten|erwähn\w*|genannt)\b"
    r"|\b(?:stellen?|passagen?|handbuch)\b.*\b(?:nicht|kein\w*)\b"
    r"|\b(?:not|no|cannot|n't)\b.*\b(?:passages?|manuals?|information|answer\w*|mention\w*|state\w*"
    r"|specif\w*|provide\w*)\b|\b(?:passages?|manuals?)\b.*\b(?:not|no)\b",
    re.IGNORECASE | re.DOTALL,
)
_CLOSING = ' \t\n.!?:;*_"»“)'


def citations_of(passages: Sequence[Passage], relevance: Relevance) -> tuple[Citation, ...]:
    """Citation ``n`` for the n-th passage, quoting its part that says most on the question."""
    return tuple(
        replace(citation(n, one.hit, relevance), further=one.further)
        for n, one in enumerate(passages, start=1)
    )


def citation(n: int, hit: Hit, relevance: Relevance) -> Citation:
    chunk = hit.chunk
    return Citation(
        n=n,
        chunk_id=chunk.id,
        manual_id=chunk.manual_id,
        title=chunk.title,
        machine=chunk.machine,
        revision=chunk.revision,
        page=chunk.first_page,
        label=chunk.first_label,
        last_page=chunk.last_page,
        heading=chunk.heading,
        quote=best_part(chunk, relevance, _QUOTE_CHARACTERS),
        boxes=chunk.boxes,
        language=chunk.language,
        also_on=tuple((other.first_page, other.first_label) for other in hit.also_on),
    )


class Citer:
    """Puts the right [n] behind each sentence. Passages are numbered from 1."""

    def __init__(self, passages: Sequence[Chunk], language: Language) -> None:
        self._passages = passages
        self._language = language
        self._words = [
            words_of(f"{chunk.text} {chunk.section}", chunk.language) for chunk in passages
        ]

    def known(self, sentence: str) -> tuple[str, frozenset[int]]:
        """The sentence without citations of passages that do not exist, and the cited numbers."""
        cited: set[int] = set()

        def keep(found: re.Match[str]) -> str:
            numbers = [int(number) for number in found[1].split(",")]
            good = [number for number in numbers if 1 <= number <= len(self._passages)]
            cited.update(good)
            lead = " " if found[0][0] in " \t" else ""
            return lead + "".join(f"[{number}]" for number in good) if good else ""

        return CITATION.sub(keep, sentence), frozenset(cited)

    def missing(
        self, sentence: str, cited: frozenset[int], findings: Sequence[Finding]
    ) -> tuple[str, frozenset[int]]:
        """What to add at the sentence's end: a citation, a mark, or nothing; and numbers to drop.

        A sentence whose values all stand in a passage it does not cite gets that passage.
        """
        holders = {finding.check.passage for finding in findings} - {None}
        if cited:
            if holders and not holders & cited and len(holders) == 1:
                return f" [{holders.pop()}]", cited
            return "", frozenset()
        if not self.is_claim(sentence, findings):
            return "", frozenset()
        if len(holders) == 1:
            return f" [{holders.pop()}]", frozenset()
        number = self.match(sentence)
        if number is not None:
            return f" [{number}]", frozenset()
        foreign = any(chunk.language != self._language for chunk in self._passages)
        few = len(words_of(sentence, self._language)) < _FEWEST_TO_MARK
        if foreign or few:
            return "", frozenset()  # words of two languages cannot be compared
        return f" *({say('answer.no_source_mark', self._language)})*", frozenset()

    def is_claim(self, sentence: str, findings: Sequence[Finding]) -> bool:
        text = sentence.strip()
        if not text or text.startswith(("#", "|", ">")) or text.endswith(("?", ":", ":**")):
            return False
        if _NO_ANSWER.search(text):
            return False
        return bool(findings) or len(words_of(text, self._language)) >= _FEWEST_WORDS

    def match(self, sentence: str) -> int | None:
        """The passage that shares most words with the sentence, if it shares at least half."""
        words = words_of(sentence, self._language)
        if not words:
            return None
        shares = [len(words & passage) / len(words) for passage in self._words]
        best = max(range(len(shares)), key=lambda i: shares[i], default=None)
        if best is None or shares[best] < _ENOUGH_WORDS:
            return None
        return best + 1


def insert_at_end(sentence: str, addition: str) -> str:
    """``addition`` before the sentence's closing punctuation and white space."""
    end = len(sentence.rstrip(_CLOSING))
    return sentence[:end] + addition + sentence[end:]
