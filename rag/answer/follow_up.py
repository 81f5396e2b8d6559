"""Make a follow-up ("und beim zweiten Zylinder?") a question of its own.

The language model rewrites it when it is there; without one, machine and subject of the question
before are carried over by rule. Either way the user is shown how the question was understood.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.output_parsers import StrOutputParser
from langchain_ollama import ChatOllama

from rag.answer.clean import clean
from rag.answer.prompt import load_prompt
from rag.answer.records import codes_of, words_of
from rag.codes import fold_code
from rag.types import Language, Scope, Turn

log = logging.getLogger(__name__)

_OPENING = re.compile(
    r"^\s*(?:und|aber|oder|auch|dann|also|was ist mit|wie ist es|wie sieht es|and|but|or|then|so"
    r"|what about|how about|what if)\b[\s,]*",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(?:er|ihn|ihm|sie|es|das|dies\w*|davon|dafür|dabei|dazu|damit|danach|davor|daran|darauf"
    r"|dort|dessen|deren|denen|jene\w*|derselbe\w*|dieselbe\w*|it|its|this|that|these|those|they"
    r"|them|their|there|one|same)\b",
    re.IGNORECASE,
)
_FEW_WORDS = 2
_TIMEOUT_S = 8.0
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Understanding:
    """The question to search with, the scope to search in, and how it came about."""

    question: str
    scope: Scope
    by: str = "as typed"


async def understand(
    question: str,
    history: Sequence[Turn],
    scope: Scope,
    language: Language,
    chat: ChatOllama | None,
) -> Understanding:
    """A follow-up made self-contained; any other question as it was typed."""
    if not is_follow_up(question, history, language):
        return Understanding(question, scope)
    last = history[-1]
    if last.machine and not scope.machines:
        scope = replace(scope, machines=(last.machine,))
    if chat is not None:
        rewritten = await _by_model(question, history, language, chat)
        if rewritten:
            return Understanding(rewritten, scope, "model")
    return Understanding(by_rule(question, history, language), scope, "rule")


def is_follow_up(question: str, history: Sequence[Turn], language: Language) -> bool:
    """Whether the question leans on the ones before: "und …?", "wie fest wird sie angezogen?"."""
    if not history:
        return False
    if _OPENING.match(question):
        return True
    if codes_of(question):
        return False
    words = words_of(question, language)
    return len(words) <= _FEW_WORDS or (len(words) <= 4 and _POINTING.search(question) is not None)


def by_rule(question: str, history: Sequence[Turn], language: Language) -> str:
    """Carry over the subject: the last question that stood by itself, and the steps since.

    A new code takes the place of the old one in the old question.
    """
    subject = _subject(history, language)
    rest = _OPENING.sub("", question).strip()
    new, old = codes_of(rest), codes_of(subject)
    if len(new) == 1 and len(old) == 1 and len(words_of(rest, language)) <= _FEW_WORDS:
        return subject.replace(next(iter(old.values())), next(iter(new.values())))
    if new:
        for printed in old.values():
            subject = subject.replace(printed, "")
    opening = rest[:1].upper() + rest[1:] if rest else question
    machine = history[-1].machine
    named = f", {machine}" if machine and machine.casefold() not in subject.casefold() else ""
    return f"{opening} ({' '.join(subject.rstrip(' ?.').split())}{named})"


def _subject(history: Sequence[Turn], language: Language) -> str:
    for place in range(len(history) - 1, -1, -1):
        if not is_follow_up(history[place].question, history[:place], language):
            return history[place].question
    return history[0].question


async def _by_model(
    question: str, history: Sequence[Turn], language: Language, chat: ChatOllama
) -> str | None:
    """The model's version, or ``None`` when it fails, takes long or invents a code."""
    prompt = load_prompt("follow_up", language)
    talk = "\n".join(f"- {turn.question}\n  {turn.answer[:200]}" for turn in history[-2:])
    short = chat.model_copy(update={"num_predict": 80})
    chain = prompt.template | short | StrOutputParser()
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            written = await chain.ainvoke({"history": talk, "question": question, "earlier": []})
    except TimeoutError:
        log.info("the model took too long to rewrite a follow-up")
        return None
    except Exception as error:  # whatever the client raises: the rule does it as well
        log.info("the model could not rewrite a follow-up: %s", error)
        return None
    rewritten = clean(written, language).strip().split("\n")[0].strip(' "„“')
    known = set(codes_of(question + " " + talk))
    invented = {fold_code(code) for code in codes_of(rewritten)} - known
    if not rewritten or len(rewritten) > _LONGEST or invented:
        return None
    if not words_of(rewritten, language) & words_of(question + " " + talk, language):
        return None
    return rewritten
