"""What kind of answer a question asks for, and in which kind of passage such answers stand.

Manuals keep their facts apart: intervals in the maintenance schedule, part numbers in the parts
list, symptoms in the fault table. "Wie oft" asks for the first, "order number" for the second.
"""

from __future__ import annotations

import re
from typing import Literal

from rag.retrieve.analyzer import normalise
from rag.retrieve.words import fold
from rag.types import ChunkKind, Language

Intent = Literal["interval", "part", "symptom", "value", "how", "other"]

_INTERVAL: dict[Language, str] = {
    "de": r"wie (?:oft|haufig)|welche\w* (?:abstand|interval)|alle wie ?viel|turnus|interval\w*\b"
    r"|nach wie ?viel\w* (?:std|stund|betriebsstund|jahr|monat|woch|tag|hub)|\bfallig"
    r"|^(?:ab )?wann (?:muss|ist|sind|wird|werden|soll|war)\w* .*(?:wechs|tausch|ersetz|pruf"
    r"|schmier"
    r"|neu\b|rein|wart|nachzieh|kontroll)",
    "en": r"how (?:often|frequent)|interval|\bdue\b|every how|after how (?:many|long)|how old may"
    r"|(?:hours|months|years|days) between|^when (?:must|do|does|should|is|are|has|have)\b.*"
    r"(?:chang|replac|check|greas|lubric|servic|clean|inspect|test)",
}
_PART: dict[Language, str] = {
    "de": r"(?:teile?|ersatzteil|bestell|artikel|sach|material)[- ]?(?:nummer|nr)|ersatzteil"
    r"|bestell",
    "en": r"(?:part|order|article|item|stock)s?[- ](?:number|no|nr)\b|spare part|\bre-?order\b"
    r"|(?:to|i|we) order\b",
}
_VALUE: dict[Language, str] = {
    "de": r"\bwie ?(?:viele?|hoch|gross|schwer|lange?|breit|tief|laut|schnell|heiss|warm|kalt"
    r"|weit|fest"
    r"|stark|dick|alt)\b|(?:dreh|anzugs|anzieh)moment"
    r"|welche\w* (?:\w+)?(?:druck|temperatur|drehzahl|moment"
    r"|spannung|strom"
    r"|leistung|menge|gewicht|mass|grosse|lange|querschnitt|sicherung|frequenz|volumen|abstand"
    r"|spiel|wert"
    r"|ol|fett|sorte)\b",
    "en": r"how (?:much|many|high|big|heavy|long|wide|deep|loud|fast|hot|warm|cold|far|tight"
    r"|hard|large"
    r"|strong|thick)\b|\btorque\b|(?:what|which|what's the|what is the) (?:\w+ ){0,2}?(?:pressure"
    r"|temp\w*|speed|voltage|current|power|amount|volume|weight|size|length|clearance|frequency"
    r"|distance|gap|value|setting|oil|grease)\b|maximum|minimum|\bweigh",
}
_SYMPTOM: dict[Language, str] = {
    "de": r"was (?:tun|nun|jetzt|ist (?:los|kaputt))|wor?an (?:lieg|kann|konn)|warum|wieso"
    r"|weshalb|ursache"
    r"|quietsch|klapper|ratter|pfeif|brumm|knall|tropf|leckt?\b|undicht|blink|leuchtet|stink|qualm"
    r"|\brauch|klemmt|ruck(?:t|elt)|vibriert|uberhitz|schaum|defekt|kaputt|storung|meldet|zeigt"
    r"|fehler"
    r"|^(?!.*\b(?:wie|was|wo|wer|wann|womit|welche\w*|dar|darf|kann|muss)\b).*\b(?:nicht|nie"
    r"|kein|dauernd"
    r"|standig|immer)\b",
    "en": r"what now|what(?:'s| is) wrong|why\b|cause|squeal|rattl|whistl|hum+ing|\bbang|drips?\b"
    r"|dripping|leaks\b|leaking|blink|flash|smok|stuck|jam|jerk|vibrat|overheat|foam|fault|error"
    r"|alarm|trips\b|broken|noise|noisy|^(?!.*\b(?:how|what|which|where|when|who|can i|may i)\b).*"
    r"\b(?:not|won't|doesn't|can't|keeps|stays|suddenly|slowly)\b",
}
_HOW: dict[Language, str] = {
    "de": r"^(?:und )?wie \w+ (?:ich|wir|man|der|die|das|er|sie)\b|reihenfolge|vorgehen|anleitung",
    "en": r"\bhow (?:do|can|to|should|must)\b|\bsteps\b|procedure",
}
_ORDER: tuple[tuple[Intent, dict[Language, str]], ...] = (
    ("part", _PART),
    ("interval", _INTERVAL),
    ("value", _VALUE),
    ("how", _HOW),
    ("symptom", _SYMPTOM),
)
_PATTERNS = [
    (intent, {language: re.compile(pattern) for language, pattern in patterns.items()})
    for intent, patterns in _ORDER
]
_ASKS = re.compile(
    r"\?|^(?:wie|was|wo|wer|wann|womit|welche\w*|wohin|darf|kann|muss|soll|how|what|which|where"
    r"|when|who"
    r"|can|may|must|should|do|does|is|are|write|tell|show|list|name|explain|describe|translate"
    r"|give|ignore|summari[sz]e|schreib\w*|erzahl\w*|erklar\w*|beschreib\w*|nenn\w*|ubersetz\w*"
    r"|gib|sag)\b"
)
# How much a passage counts by its kind, for each intent; 1 where none is named.
PRIORS: dict[Intent, dict[ChunkKind, float]] = {
    "interval": {"maintenance": 1.2, "fault": 0.8},
    "part": {"parts": 1.5, "maintenance": 0.9},
    "value": {"table": 1.2, "fault": 0.75},
    "how": {"procedure": 1.15, "fault": 0.8},
    "symptom": {"fault": 1.3},
    "other": {"fault": 0.9},
}


def intent_of(question: str, language: Language) -> Intent:
    """What ``question`` asks for; a statement that asks for nothing tells of a symptom."""
    text = normalise(question).strip()
    if language == "de":
        text = fold(text)
    for intent, patterns in _PATTERNS:
        if patterns[language].search(text):
            return intent
    return "other" if _ASKS.search(text) else "symptom"
