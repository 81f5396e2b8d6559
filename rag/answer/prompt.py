"""The prompts, kept as numbered files, and what is put into them.

Text of a manual is data. It is fenced by tags that it cannot close itself, and what looks like a
tag, a chat template's mark or a citation in it is defused before it is sent.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from langchain_core.prompts import ChatPromptTemplate

from rag.types import Chunk, Language, Notice

VERSION = "v1"
_FOLDER = Path(__file__).parent / "prompts"
_TAG = re.compile(r"<(?=[/|!?A-Za-z])")
_MARK = re.compile(
    r"\[(/?(?:INST|SYS|system|user|assistant|TOOL_CALLS|AVAILABLE_TOOLS)[^\]]*)\]", re.I
)
_CITATION = re.compile(r"\[(\d+(?:\s*,\s*\d+)*)\]")
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_NOTICES_HEAD = {
    "de": "Schon angezeigte Sicherheitshinweise:\n",
    "en": "Safety notices already shown:\n",
}
_PAGE = {"de": "Seite", "en": "page"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt file: ``id`` is its name, ``version`` the hash of what is in it."""

    id: str
    version: str
    system: str
    user: str

    @property
    def template(self) -> ChatPromptTemplate:
        return ChatPromptTemplate.from_messages(
            [("system", self.system), ("placeholder", "{earlier}"), ("human", self.user)]
        )


@cache
def load_prompt(name: str, language: Language) -> Prompt:
    """``prompts/<name>_<language>.v1.txt``; raises ``FileNotFoundError``."""
    path = _FOLDER / f"{name}_{language}.{VERSION}.txt"
    text = path.read_text(encoding="utf-8")
    system, user = text.split("\n---user---\n")
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Prompt(path.stem, f"{VERSION}-{digest}", system.strip(), user.rstrip("\n"))


def defuse(text: str) -> str:
    """``text`` of a manual without anything that could pass for prompt, tag or citation."""
    text = _HIDDEN.sub("", text)
    text = _TAG.sub("‹", text)
    text = _MARK.sub(r"(\1)", text)
    return _CITATION.sub(r"(\1)", text)


def passage_block(number: int, chunk: Chunk, text: str) -> str:
    """Passage ``number`` as the model sees it; ``text`` may be a shortened ``chunk.text``."""
    place = f"{chunk.machine or chunk.title}, {_PAGE[chunk.language]} {chunk.first_label}"
    head = " – ".join(part for part in (place, chunk.section) if part)
    return f"<p{number}>\n[{number}] {defuse(head)}\n{defuse(text)}\n</p{number}>"


def notices_block(notices: tuple[Notice, ...], language: Language) -> str:
    """The notices as the model sees them, or an empty string."""
    if not notices:
        return ""
    lines = "\n".join(f"- {defuse(notice.text)}" for notice in notices)
    return f"{_NOTICES_HEAD[language]}{lines}\n\n"
