"""The last gate before the reader: nothing a model wrote passes unread.

Words flow through as they come. From the first digit of a sentence on the text is held until the
sentence is complete, so that a value is never on the screen before it was checked.
"""

from __future__ import annotations

import re

from rag.answer.cite import CITATION, Citer, insert_at_end
from rag.answer.clean import Cleaner
from rag.answer.numbers import Checker, Finding
from rag.messages import say
from rag.types import Check, Language

_HOLD = re.compile(r"[\d\[.!?:;\n|*(]")
_END = re.compile(r"[.!?][\"»“)*_]*(?=\s)|\n")
_TRAILING = re.compile(r"(?:[ \t]*\[\d+(?:\s*,\s*\d+)*\])+[.]?")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-zÄÖÜ]|z\.\s?B|d\.\s?h|u\.\s?a|ca|max|min|mind|Nr|Abb|bzw|usw|evtl|inkl|ggf"
    r"|vgl|Kap|Pos|Std|Tab|gem|e\.g|i\.e|Fig|No|approx|resp|etc|incl|Sec|Ch|p|pp|vs)\.$"
)
_LIST_NUMBER = re.compile(r"^\s*(?:[>*-]\s*)?\d{1,2}\.$")


class Gate:
    """Takes the model's pieces, gives what may be shown, and keeps what was checked."""

    def __init__(self, checker: Checker, citer: Citer, language: Language) -> None:
        self._cleaner = Cleaner(language)
        self._checker = checker
        self._citer = citer
        self._language = language
        self._sentence = ""
        self._shown = 0
        self.text = ""
        self.checks: list[Check] = []
        self.cited: set[int] = set()

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        return self._pass_on(self._cleaner.feed(piece), final=False)

    def finish(self) -> str:
        """The rest, when the model is done or gone."""
        return self._pass_on(self._cleaner.finish(), final=True)

    def _pass_on(self, cleaned: str, *, final: bool) -> str:
        self._sentence += cleaned
        out = ""
        while (end := self._end_of_sentence(final)) is not None:
            checked = self._checked(self._sentence[:end])
            out += checked[self._shown :]
            self._sentence, self._shown = self._sentence[end:], 0
        if final:
            out += self._checked(self._sentence)[self._shown :] if self._sentence else ""
            self._sentence, self._shown = "", 0
        else:
            hold = _HOLD.search(self._sentence)
            sure = hold.start() if hold else self._sentence.rfind(" ")
            sure = len(self._sentence[:sure].rstrip()) if sure > 0 else 0
            if sure > self._shown:
                out += self._sentence[self._shown : sure]
                self._shown = sure
        self.text += out
        return out

    def _end_of_sentence(self, final: bool) -> int | None:
        """Where the first sentence ends, citations behind its point included; ``None``: open."""
        for found in _END.finditer(self._sentence):
            if found[0] == "\n":
                return found.end()
            before = self._sentence[: found.end()]
            if _ABBREVIATION.search(before) or _LIST_NUMBER.match(before):
                continue
            rest = self._sentence[found.end() :]
            follower = rest.lstrip(" \t")
            if not follower:
                return None if not final else found.end()
            trailing = _TRAILING.match(rest)
            if trailing:
                return found.end() + trailing.end() if trailing.end() < len(rest) or final else None
            if follower[0] == "[":
                return None if not final else found.end()
            if follower[0].islower():
                continue
            return found.end()
        return None

    def _checked(self, sentence: str) -> str:
        sentence, cited = self._citer.known(sentence)
        findings = self._checker.check(sentence, cited)
        addition, dropped = self._citer.missing(sentence, cited, findings)
        self.checks += [finding.check for finding in findings]
        marked = self._marked(sentence, findings)
        if dropped:
            marked = CITATION.sub("", marked)
        marked = insert_at_end(marked, addition)
        self.cited |= {int(number) for number in re.findall(r"\[(\d+)\]", marked)}
        if addition and not addition.startswith(" ["):
            self.checks.append(Check(sentence.strip(), "citation", "missing"))
        return marked

    def _marked(self, sentence: str, findings: list[Finding]) -> str:
        for finding in reversed(findings):
            status = finding.check.status
            if status == "found":
                continue
            key = "answer.converted_mark" if status == "converted" else "answer.not_found_mark"
            mark = say(key, self._language)
            mark = f" *({mark})*" if status == "converted" else f" **({mark})**"
            place = max(finding.end, self._shown)
            sentence = sentence[:place] + mark + sentence[place:]
        return sentence
