"""Take markup, links and hidden characters out of text that a model wrote.

The model's output is data: it may repeat what a poisoned manual told it. What is left is plain
Markdown text: emphasis, lists and tables, no HTML, no link, no image, no address of another host.
"""

from __future__ import annotations

import re

from rag.messages import say
from rag.types import Language

_TAG_START = re.compile(r"<[A-Za-z/!?]")
_SWALLOWED = re.compile(r"<(script|style|iframe|object|svg)\b", re.IGNORECASE)
_SCHEME_LETTER = re.compile(r"[A-Za-z0-9+.\-]")
_ADDRESS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*://|www\.)[^\s<>\[\]()\"']*", re.IGNORECASE)
_SCRIPT = re.compile(r"(?:javascript|vbscript)\s?:\S*|data:[a-z]+/\S*", re.IGNORECASE)
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe"
    "\U000e0000-\U000e007f]"
)
_NUMBERS = re.compile(r"\d+(?:\s*,\s*\d+)*")
_TAG_LIMIT = 2000
_LABEL_LIMIT = 300


class Cleaner:
    """Cleans a stream: however the text is cut into pieces, the joined result is the same."""

    def __init__(self, language: Language) -> None:
        self._rest = ""
        self._removed = say("answer.link_removed", language)
        self._language = language

    def feed(self, piece: str) -> str:
        """What of the text so far is certain; the start of a possible link or tag is held back."""
        return self._scan(piece, final=False)

    def finish(self) -> str:
        """The held-back rest."""
        return self._scan("", final=True)

    def _scan(self, piece: str, *, final: bool) -> str:
        text = self._rest + piece
        out: list[str] = []
        position = 0
        while position < len(text):
            step = self._step(text, position, final)
            if step is None:
                break
            position, cleaned = step
            out.append(cleaned)
        self._rest = text[position:]
        return "".join(out)

    def _step(self, text: str, start: int, final: bool) -> tuple[int, str] | None:
        """Where to go on and what to emit; ``None`` when more text is needed to decide."""
        letter = text[start]
        if letter == "<":
            return self._tag(text, start, final)
        if letter == "[":
            return self._bracket(text, start, final)
        if letter == "!":
            if start + 1 == len(text) and not final:
                return None
            image = text[start + 1 : start + 2] == "["
            return start + 1, "" if image else letter
        if letter.isascii() and letter.isalpha():
            return self._word(text, start, final)
        return start + 1, "" if _HIDDEN.match(letter) else letter

    def _tag(self, text: str, start: int, final: bool) -> tuple[int, str] | None:
        if start + 1 == len(text) and not final:
            return None
        if not _TAG_START.match(text, start):
            return start + 1, "<"
        if text.startswith("<!-", start) or "<!--".startswith(text[start : start + 4]):
            end_mark = "-->"
        else:
            if len(text) - start < 9 and ">" not in text[start:] and not final:
                return None
            swallowed = _SWALLOWED.match(text, start)
            end_mark = f"</{swallowed[1].lower()}" if swallowed else ">"
        end = text.lower().find(end_mark, start, start + _TAG_LIMIT)
        if end < 0:
            if not final and len(text) - start < _TAG_LIMIT:
                return None
            end_mark, end = ">", text.find(">", start, start + _TAG_LIMIT)
            if end < 0:
                return start + 1, ""  # never closed: without its "<" it is only text
        if end_mark.startswith("</"):
            return end, ""  # the closing tag is taken out as a tag of its own
        return end + len(end_mark), ""

    def _bracket(self, text: str, start: int, final: bool) -> tuple[int, str] | None:
        end = _closing(text, start, "[", "]", _LABEL_LIMIT)
        if end is None:
            if not final and len(text) - start < _LABEL_LIMIT:
                return None
            return start + 1, "("
        if end + 1 == len(text) and not final:
            return None
        label = text[start + 1 : end]
        inner = label if _NUMBERS.fullmatch(label) else clean(label, self._language)
        shown = f"[{inner}]"
        follower = text[end + 1 : end + 2]
        if follower == ":":
            return end + 1, shown + " "  # "[x]:" would define a link
        if follower == "(":
            target_end = _closing(text, end + 1, "(", ")", _TAG_LIMIT)
            if target_end is None:
                if not final and len(text) - end < _TAG_LIMIT:
                    return None
                return end + 1, shown + " "
            if _is_remark(text[end + 2 : target_end]):
                return end + 1, shown + " "
            return target_end + 1, shown if _NUMBERS.fullmatch(label) else inner
        return end + 1, shown

    def _word(self, text: str, start: int, final: bool) -> tuple[int, str] | None:
        name_end = start + 1
        while name_end < len(text) and _SCHEME_LETTER.match(text, name_end):
            name_end += 1
        if name_end + 3 > len(text) and not final:
            return None
        for pattern, instead in ((_ADDRESS, self._removed), (_SCRIPT, self._removed)):
            found = pattern.match(text, start)
            if found:
                if found.end() == len(text) and not final:
                    return None
                return found.end(), instead
        end = start + 1
        while end < name_end and text[end].isalnum():
            end += 1
        return end, text[start:end]


def clean(text: str, language: Language) -> str:
    """The whole ``text`` cleaned at once."""
    cleaner = Cleaner(language)
    return cleaner.feed(text) + cleaner.finish()


def _closing(text: str, start: int, opening: str, closing: str, limit: int) -> int | None:
    depth = 0
    for index in range(start, min(len(text), start + limit)):
        if text[index] == opening:
            depth += 1
        elif text[index] == closing:
            depth -= 1
            if depth == 0:
                return index
    return None


def _is_remark(target: str) -> bool:
    """Words in round brackets after a citation, "[1] (p. 7)" written without the blank."""
    return " " in target.strip() and not re.search(r"[\"'/:]", target)


_MARKDOWN = re.compile(r"([\\`*_\[\]<>~])")
_BLOCK_START = re.compile(r"^(\s*)(#{1,6}\s|[-+]\s|={3,}|-{3,})", re.MULTILINE)
_AUTOLINK = re.compile(r"\b([A-Za-z][A-Za-z0-9+.\-]*)(://)|\b(www)(\.)", re.IGNORECASE)
_MAIL = re.compile(r"(?<=\w)@(?=\w)")
WORD_JOINER = "\u2060"


def verbatim(text: str) -> str:
    """``text`` of a manual as Markdown that shows exactly its characters and links nowhere.

    A word joiner (invisible, U+2060) inside addresses keeps browsers from linking them.
    """
    text = _HIDDEN.sub("", text)
    text = _MARKDOWN.sub(r"\\\1", text)
    text = _BLOCK_START.sub(lambda found: f"{found[1]}\\{found[2]}", text)
    text = _AUTOLINK.sub(
        lambda found: WORD_JOINER.join(part for part in found.groups() if part), text
    )
    return _MAIL.sub(f"{WORD_JOINER}@{WORD_JOINER}", text)


def plain(markdown: str) -> str:
    """The characters that ``verbatim`` text shows, for comparing and copying."""
    return re.sub(r"\\([\\`*_\[\]<>~#+=\-|])", r"\1", markdown).replace(WORD_JOINER, "")
