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
from rag.answer.machines import Named, nothing_named
from rag.answer.prompt import load_prompt
from rag.answer.records import codes_of, words_of
from rag.codes import fold_code
from rag.types import Language, Scope, Turn

log = logging.getLogger(__name__)

_OPENING = re.compile(
    r"^\s*(?:und|aber|oder|auch|dann|also|was ist mit|wie ist es|wie sieht es(?: aus)?|and|but|or"
    r"|then|so|what about|how about|what if)\b[\s,]*",
    re.IGNORECASE,
)
# Words that stand for what was spoken of. "das Öl" and "this press" name their own thing.
_POINTING = re.compile(
    r"\b(?:er|ihn|ihm|sie|das|davon|dafür|dabei|dazu|damit|danach|davor|daran|darauf|dort|dessen"
    r"|deren|denen|derselbe\w*|dieselbe\w*|it|its|that|they|them|their|same)\b",
    re.IGNORECASE,
)
_DUMMY = re.compile(
    r"\b(?:gibt es|es gibt|geht es|(?:is|are) there|(?:is|was) it (?:\w+ )?to)\b", re.IGNORECASE
)
# "Welches Öl?", "Mit welchem Drehmoment?", "Which key?": the noun is what is asked, not of what.
_ONLY_WHICH = re.compile(
    r"^(?:(?:mit|für|in|an|auf|bei|bis|ab|with|for|in|at|on|to|by) )?(?:welche\w*|which|what)"
    r" [\w-]+(?: number| size)?\s*\?*$",
    re.IGNORECASE,
)
# Content words that name no thing of their own: what is done to it, what it has, how it is.
_LEANING = (
    "angezogen anziehen wechseln gewechselt tauschen getauscht prüfen geprüft kontrollieren "
    "kontrolliert nachfüllen einfüllen eingefüllt spannen gespannt nachziehen reinigen gereinigt "
    "schmieren geschmiert einstellen eingestellt ausbauen einbauen öffnen schließen lösen machen "
    "gemacht tun beachten dauert dauern brauche brauchen braucht benötigt nehmen nehme rein raus "
    "wieder vorher nachher gefährlich erlaubt nötig wichtig fest schwer groß hoch tief lang breit "
    "warm heiß laut dick stark weit teuer genau allein selbst zuerst weiter drehmoment "
    "anzugsmoment anzugsdrehmoment teilenummer bestellnummer artikelnummer ersatzteilnummer "
    "intervall werkzeug menge füllmenge temperatur gewicht maß seite schritt schritte "
    "voraussetzung grund ursache oft häufig lange viel viele wieso weshalb "
    "tight tighten tightened change changed replace replaced check checked clean cleaned grease "
    "greased adjust adjusted fill filled remove removed open close take takes need needed needs do "
    "done dangerous allowed necessary important hard heavy big large high deep long wide hot loud "
    "thick strong far torque part number order interval tool tools amount quantity temperature "
    "weight size page step steps reason cause first next again before afterwards often long much "
    "many"
)
_LEANING_WORDS = words_of(_LEANING, "de") | words_of(_LEANING, "en")
_ASKS = re.compile(
    r"\b(?:wie|was|wo|wer|wen|wann|womit|wohin|woher|warum|welche\w*|how|what|which|where|when|who"
    r"|why)\b",
    re.IGNORECASE,
)
_FINITE = re.compile(
    r"\b(?:ist|sind|wird|werden|muss|müssen|kann|darf|dürfen|soll|sollen|hat|haben|kommt|gehört"
    r"|is|are|must|can|may|should|does|do|has|have)\b",
    re.IGNORECASE,
)
# "am Kompressor", "bei der Presse", "of the press", "SK 37": where a machine is named.
_PLACE = (
    r"\s*\b(?:am|an der|an dem|beim|bei der|vom|von der|im|in der|der|des|of the|on the|at the"
    r"|in the|for the|from the)\s+[\w-]+(?:\s+[A-Z]+\s?\d[\w-]*)?|\s*\b[A-Z]+\s?\d[\w-]*"
)
_POINTERS = "dieser diese dieses diesen diesem jener jene hier there here one ones thing"
_ANSWERED = re.compile(r"\((?P<subject>[^()]+)\)$")
_MOST_OWN = 1
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
    named: Named = nothing_named,
) -> Understanding:
    """A follow-up made self-contained; any other question as it was typed.

    ``named`` gives the machines that a text names: "und bei der Presse?" leaves the machine before.
    """
    if not is_follow_up(question, history, language):
        return Understanding(question, scope)
    last = history[-1]
    another = [machine for machine in named(question) if machine != last.machine]
    if last.machine and not scope.machines and not another:
        scope = replace(scope, machines=(last.machine,))
    if is_complete(question, language):
        return Understanding(_without_opening(question), scope, "rule")
    if chat is not None:
        rewritten = await _by_model(question, history, language, chat)
        if rewritten:
            return Understanding(rewritten, scope, "model")
    return Understanding(by_rule(question, history, language, named), scope, "rule")


def is_follow_up(question: str, history: Sequence[Turn], language: Language) -> bool:
    """Whether the question leans on the ones before: "und …?", "wie fest wird sie angezogen?".

    A short question that names its own thing does not: "Wie hoch ist der Ölstand?".
    """
    if not history:
        return False
    if _OPENING.match(question):
        return True
    if codes_of(question):
        return False
    own = _own_words(question, language)
    if not own or _ONLY_WHICH.match(question.strip()):
        return True
    return len(own) <= _MOST_OWN and _points_back(question)


def is_complete(question: str, language: Language) -> bool:
    """Whether only the opening leans: "und wie oft müssen die Schläuche getauscht werden?"."""
    if not _OPENING.match(question):
        return False
    rest = _without_opening(question)
    asks = _ASKS.search(rest) is not None and _FINITE.search(rest) is not None
    return asks and bool(_own_words(rest, language)) and not _points_back(rest)


def by_rule(
    question: str,
    history: Sequence[Turn],
    language: Language,
    named: Named = nothing_named,
) -> str:
    """Carry over the subject: the last question that stood by itself.

    A new code takes the place of the old one in the old question; a new machine that of the old.
    """
    subject = _subject(history, language)
    rest = _OPENING.sub("", question).strip()
    machine = history[-1].machine or ""
    if any(other != machine for other in named(rest)):
        subject, machine = _without_machine(subject, named), ""
    new, old = codes_of(rest), codes_of(subject)
    if len(new) == 1 and len(old) == 1 and not _own_words(rest, language) - _words_of_codes(rest):
        return subject.replace(next(iter(old.values())), next(iter(new.values())))
    if new:
        for printed in old.values():
            subject = subject.replace(printed, "")
    stated = machine and machine.casefold() not in subject.casefold()
    carried = f"{' '.join(subject.rstrip(' ?.').split())}{f', {machine}' if stated else ''}"
    return f"{_without_opening(question)} ({carried})"


def _without_opening(question: str) -> str:
    rest = _OPENING.sub("", question).strip()
    return rest[:1].upper() + rest[1:] if rest else question


def _own_words(question: str, language: Language) -> frozenset[str]:
    """The roots of words that name a thing: what is spoken of, by the question itself."""
    text = _OPENING.sub("", question)
    return words_of(text, language) - _LEANING_WORDS - words_of(_POINTERS, language)


def _points_back(question: str) -> bool:
    for found in _POINTING.finditer(_DUMMY.sub(" ", question)):
        following = question[question.find(found[0]) + len(found[0]) :].lstrip()[:1]
        if found[0].lower() not in ("das", "that") or not following.isupper():
            return True
    return False


def _words_of_codes(text: str) -> frozenset[str]:
    codes = " ".join(codes_of(text).values())
    return words_of(codes, "de") | words_of(codes, "en")


def _without_machine(subject: str, named: Named) -> str:
    """The question before without the machine it named ("am Kompressor", "of the press")."""
    known = frozenset(named(subject))
    if not known:
        return subject
    for found in re.finditer(_PLACE, subject):
        shorter = subject[: found.start()] + subject[found.end() :]
        if known - frozenset(named(shorter)):
            return " ".join(shorter.split())
    return subject


def _subject(history: Sequence[Turn], language: Language) -> str:
    for place in range(len(history) - 1, -1, -1):
        question = history[place].question
        carried = _ANSWERED.search(question)
        if carried:  # a turn that was itself made self-contained by rule
            machine = history[place].machine
            return carried["subject"].removesuffix(f", {machine}") + "?"
        if not is_follow_up(question, history[:place], language):
            return question
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
