"""Which quantity a question asks for, told by the units that its answer must carry.

"Wie schwer ist der Verdichterblock?" is answered by a sentence with kilograms in it. A page that
has the word "schwer", or another weight, does not answer it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.retrieve import numbers
from rag.retrieve.analyzer import normalise
from rag.retrieve.intent import intent_of
from rag.retrieve.words import fold
from rag.types import Language

_TIMES = "s min h ms"
_LENGTHS = "mm cm m µm in"
_VOLUMES = "l ml m3 cm3"
# Pattern of the words (folded), units, and whether these tell the quantity by themselves: kilograms
# are a weight, millimetres may be any of a dozen sizes. "interval" stands for words like "yearly".
_QUANTITIES: dict[Language, tuple[tuple[str, str, bool], ...]] = {
    "de": (
        (r"wie lange? .*\b(?:wart|dauer|brauch)|dauert|wartezeit", "s min h ms", False),
        (r"wie lange\b", "s min h ms interval", False),
        (r"wie oft|wie haufig", "h interval", True),
        (r"\bkoste(?:t|n)\b|\w*preise?\b|\bteuer\b|\bbillig", "money", True),
        (r"wie schwer|\w*gewicht\b|wiegt|wie ?viel kilo|\bkg\b", "kg t g", True),
        (r"drehmoment|\w*anzugsmoment|wie fest|wie ?viel (?:nm|newtonmeter)|\bnm\b", "nm", True),
        (r"wie (?:heiss|warm|kalt)|\w*temperatur\b|\bgrad\b|\btemp\b", "°c °", True),
        (r"\w*drehzahl|umdrehung\w*|wie schnell dreht", "rpm hz", True),
        (r"wie ?viel bar|\w+druck\b|\bdruck\b|\bbar\b", "bar mbar mpa", True),
        (r"\b(?:netz|steuer|nenn|betriebs)?spannung\b|volt\b", "v vac vdc kv mv", True),
        (r"\w*strom\b|ampere|\w*sicherung\b", "a ma", True),
        (r"\w*leistung\b|wie ?viel (?:kw|watt)|\bkw\b", "kw w kva ps", True),
        (r"\w*frequenz\b|hertz|\bhz\b", "hz khz", True),
        (r"\w*widerstand\b|\w*ohm\b", "ohm mohm", True),
        (r"wie laut(?!e)|\blarm\w*|schall\w*|dezibel", "db", True),
        (
            r"wie ?viele? (?:liter|l)\b|wie ?viel \w*ol\b|\w*menge\b|\bliter\b|\w*volumen\b",
            "l ml m3 g kg l/min m3/min m3/h",
            True,
        ),
        (r"wie ?viel \w*fett|\bgramm\b", "g kg", True),
        (r"querschnitt", "mm2", True),
        (
            r"wie lang\b|wie (?:breit|hoch|tief|dick)|durchmesser|lange hat|\w*spalt\b"
            r"|\w*spiel\b"
            r"|\w*abstand\b|wie weit",
            "mm cm m µm in",
            False,
        ),
        (
            r"interval\w*|wann\b.*\b(?:fallig|wechsel|tausch|neu)\w*|\w*fallig"
            r"|wie alt"
            r"|wie ?viele? (?:stunden|jahre|monate|wochen|tage)|alle wie|abstanden",
            "h interval",
            True,
        ),
    ),
    "en": (
        (r"how long\b.*\b(?:take|wait)|how much time", "s min h ms", False),
        (r"how (?:often|frequently)", "h interval", True),
        (r"\bcosts?\b|price|expensive|cheap", "money", True),
        (r"how heavy|\bweighs?\b|weight|\bmass\b|how many (?:kg|kilos)", "kg t g", True),
        (r"torque|how tight|\bnm\b", "nm", True),
        (r"how (?:hot|warm|cold)|temperature|\btemp\b|degrees", "°c °", True),
        (r"how fast|\bspeed\b|\brpm\b", "rpm mm/s m/s hz m/min", True),
        (r"\bpressure\b|precharge|how many bar|\bbar\b", "bar mbar mpa", True),
        (r"voltage|\bvolts\b", "v vac vdc kv mv", True),
        (r"\bcurrent\b|\bamps\b|amperes|\bfuse\b", "a ma", True),
        (r"how much power|\bkw\b", "kw w kva ps", True),
        (r"frequency|hertz|\bhz\b", "hz khz", True),
        (r"resistance|\bohms?\b", "ohm mohm", True),
        (r"how (?:loud|noisy)|noise level|decibels?", "db", True),
        (
            r"how (?:much|many lit(?:re|er)s of) (?:\w+ )?(?:oil|water|fluid)\b|lit(?:re|er)s\b"
            r"|volume",
            "l ml m3 g kg l/min m3/min m3/h",
            True,
        ),
        (r"how much grease|\bgrams\b", "g kg", True),
        (
            r"how (?:long is|wide|high|deep|far|thick)|how much (?:room|space)|\blength\b|diameter"
            r"|distance|clearance|\bgap\b|altitude",
            "mm cm m µm in",
            False,
        ),
        (r"how (?:much|what|big is the) force|\bforce\b", "kn n", True),
        (r"how long", "s min h ms interval", False),
        (
            r"how old|interval|\bwhen (?:is|are|do|does|must|should)|\bdue\b"
            r"|how many (?:hours|years|months|weeks|days)|every how",
            "h interval",
            True,
        ),
    ),
}
_PATTERNS = {
    language: [(re.compile(one), frozenset(units.split()), tells) for one, units, tells in listed]
    for language, listed in _QUANTITIES.items()
}
_SUBSTANCES = frozenset("ol oil wasser water fett grease fluid".split())
_LONE = re.compile(rf"(?<!\w){numbers.LONE_UNIT}")
_SHORT = 3  # words of a question that is only a name: "Nennstrom SK 37?"
_DEFINES = re.compile(r"was (?:ist|sind|heisst|bedeutet)|what (?:is|are)")  # "Was ist Spiel?"
_MONEY = re.compile(r"€|\$|£|\b(?:eur|euro|usd|gbp)\b")
_MEASURE = re.compile(rf"(?<![\w.,/-]){numbers.MEASURE}")
_INTERVAL = re.compile(
    r"\b(?:taglich|wochentlich|monatlich|jahrlich|halbjahrlich|vierteljahrlich|schicht\w*"
    r"|\d+ (?:jahr|monat|woche|tag)\w*|daily|weekly|monthly|yearly|annually|quarterly|(?:each"
    r"|every) "
    r"(?:shift|day|week|month|year|tool change)|\d+ (?:years?|months?|weeks?|days?)|(?:two|three"
    r"|six) "
    r"(?:years|months|weeks)|once a \w+)\b"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """``units`` is empty when no quantity is asked for. ``words`` are the folded words that ask,
    ``tells`` whether a value in one of the units says those words."""

    units: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    tells: bool = False


def asked_quantity(question: str, language: Language) -> Asked:
    """What a question wants measured, by the first of its words that says so. "Strom abschalten"
    asks for none; "Nennstrom?" and "Anzugsmoment der Schrauben am Gitter" do.
    A unit alone ("ab wieviel mm/s") says it as well."""
    text = fold(normalise(question))
    intent = intent_of(question, language)
    short = len(text.split()) <= _SHORT and not _DEFINES.match(text)
    value = short or intent in ("value", "interval")
    for pattern, units, tells in _PATTERNS[language]:
        found = pattern.search(text)
        names = intent == "other" and found is not None and not found.start()
        if found and (value or names or "money" in units):
            return Asked(units, frozenset(found[0].split()) - _SUBSTANCES, tells)
    named = {numbers.UNITS[found["lone"]] for found in _LONE.finditer(normalise(question))}
    return Asked(frozenset(named), frozenset(named), tells=True)


def has_unit(sentence: str, units: frozenset[str]) -> bool:
    """Whether a sentence has one of the units, beside a value or over a column ("[1/min]")."""
    text = normalise(sentence)
    if any(numbers.UNITS[found["of"]] in units for found in _MEASURE.finditer(text)):
        return True
    if any(numbers.UNITS[found["lone"]] in units for found in _LONE.finditer(text)):
        return True
    if "money" in units and _MONEY.search(text):
        return True
    return "interval" in units and bool(_INTERVAL.search(fold(text)))
