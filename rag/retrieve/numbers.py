"""Numbers and units as search terms: "6bar" = "6 bar", "0,6 MPa" stays its own value."""

from __future__ import annotations

import re

# Printed forms (after folding to lower case) of each unit.
_FORMS = {
    "rpm": "1/min min-1 min−1 u/min upm rpm r/min umdr./min umdrehungen/min",
    "l/min": "l/min ltr/min lpm",
    "m3/h": "m3/h cbm/h",
    "m3/min": "m3/min",
    "m/min": "m/min",
    "m/s2": "m/s2",
    "mm/s": "mm/s",
    "m/s": "m/s",
    "mm2/s": "mm2/s cst",
    "n/mm2": "n/mm2",
    "mbar": "mbar",
    "bar": "bar",
    "mpa": "mpa",
    "kpa": "kpa",
    "psi": "psi",
    "nm": "nm n·m n*m newtonmeter",
    "kn": "kn",
    "ft-lb": "ft-lb lb-ft lbf·ft ft·lb",
    "khz": "khz",
    "hz": "hz hertz",
    "db": "db db(a) dba dezibel decibel decibels",
    "kw": "kw kilowatt",
    "kwh": "kwh",
    "kva": "kva",
    "ps": "ps hp",
    "mv": "mv",
    "kv": "kv",
    "vac": "vac",
    "vdc": "vdc",
    "v": "v volt",
    "ma": "ma",
    "a": "a ampere amp amps",
    "w": "w watt",
    "mm": "mm millimeter",
    "cm": "cm zentimeter",
    "µm": "µm um mikrometer",
    "m": "m meter metern",
    "in": "zoll inch inches \" ″ ''",
    "ml": "ml",
    "l": "l liter litern ltr litre litres",
    "cm3": "cm3 ccm",
    "m3": "m3 cbm",
    "mm2": "mm2",
    "kg": "kg kilogramm kilo",
    "t": "t tonnen",
    "g": "g gramm",
    "°c": "°c grad_celsius",
    "°f": "°f",
    "°": "° grad",
    "%": "% prozent percent",
    "ms": "ms",
    "s": "s sek sec sekunden seconds",
    "min": "min minuten minutes minute",
    "h": "h std stunden hours stunde hour betriebsstunden bh",
    "ppm": "ppm",
    "ohm": "ohm ω kohm",
    "mohm": "mohm mω",
}
UNITS = {form.replace("_", " "): unit for unit, forms in _FORMS.items() for form in forms.split()}
# Units that mean something as a word of their own ("[1/min]", "in bar").
TELLING_UNITS = frozenset(
    "rpm l/min m3/h m3/min m/s mm/s mm2/s n/mm2 mbar bar mpa psi nm kn ft-lb hz khz db kw kva "
    "°c ppm m/s2".split()
)
_UNIT = "|".join(re.escape(form) for form in sorted(UNITS, key=len, reverse=True))
NUMBER = r"\d+(?:[.,]\d+)*"
MEASURE = rf"(?P<amount>{NUMBER})[\s-]{{0,2}}[\[(]?(?P<of>{_UNIT})(?![\w²³])"
NO_UNIT = rf"(?!\s?(?:{_UNIT})(?!\w))"
_TELLING = [form for form in UNITS if UNITS[form] in TELLING_UNITS]
LONE_UNITS = {form: UNITS[form] for form in _TELLING}
_LONE = "|".join(re.escape(form) for form in sorted(_TELLING, key=len, reverse=True))
LONE_UNIT = rf"(?P<lone>{_LONE})(?![\w])"
FRACTION = r"(?P<fraction>(?:\d+\s)?\d+\s?[/⁄]\s?\d+)\s{0,2}(?:zoll|inch(?:es)?|\"|″|'')"

_THOUSANDS = re.compile(r"^\d{1,3}(?:[.,]\d{3})+$")


def readings(number: str) -> tuple[str, ...]:
    """What a printed number may mean, the likelier first: "1.500" is 1500 or 1.5; "0,60" is 0.6."""
    if _THOUSANDS.match(number) and not number.startswith("0"):
        whole = re.sub("[.,]", "", number)
        if len(re.findall("[.,]", number)) > 1:
            return (whole,)
        return (whole, _decimal(number))
    return (_decimal(number),)


def _decimal(number: str) -> str:
    if "." in number and "," in number:  # "1.500,50": the last separator is the decimal one
        last = max(number.rfind("."), number.rfind(","))
        number = re.sub("[.,]", "", number[:last]) + "." + number[last + 1 :]
    parts = re.split("[.,]", number)
    if len(parts) != 2:
        return ".".join(part.lstrip("0") or "0" for part in parts)
    whole = parts[0].lstrip("0") or "0"
    fraction = parts[1].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole
