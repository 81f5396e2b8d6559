"""Units of machine manuals: how they are written, and how one converts into another.

A unit is a dimension with a factor (and an offset for temperatures) to that dimension's base:
pascal, kelvin, metre, newton metre, second, litre, litre a minute, kilogram, newton, watt, volt …
Exact factors: NIST Special Publication 811 (2008), appendix B.8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Unit:
    """``name`` is the canonical spelling; value × ``factor`` + ``offset`` is in the base unit."""

    name: str
    dimension: str
    factor: float
    offset: float = 0.0

    def base(self, value: float) -> float:
        return value * self.factor + self.offset


# dimension: (canonical name, factor, spellings as regular expressions)
_TABLE: dict[str, list[tuple[str, float, str]]] = {
    "pressure": [
        ("bar", 1e5, r"bar ?\((?:g|ü|Ü|abs|a)\)|bar ?[üÜ]|barg|bara?"),
        ("mbar", 100.0, r"mbar"),
        ("MPa", 1e6, r"MPa|N/mm(?:²|2)"),
        ("kPa", 1e3, r"kPa"),
        ("Pa", 1.0, r"Pa"),
        ("psi", 6894.757, r"psig?|PSI|lbf/in(?:²|2)"),
    ],
    "torque": [
        ("Nm", 1.0, r"N ?[·⋅•*] ?m|N m|Nm|Newtonmetern?|newton[ -]met(?:re|er)s?"),
        ("kNm", 1e3, r"kNm|kN ?[·⋅*] ?m"),
        ("ft·lbf", 1.355818, r"ft[·⋅ \-.]?lbs?f?|lbf?[·⋅ \-.]?ft|foot[ -]pounds?"),
        ("in·lbf", 0.1129848, r"in[·⋅ \-.]?lbs?f?|lbf?[·⋅ \-.]?in|inch[ -]pounds?"),
    ],
    "length": [
        ("mm", 1e-3, r"mm|Millimetern?|millimet(?:re|er)s?"),
        ("µm", 1e-6, r"[µμu]m|Mikrometern?|microns?|micromet(?:re|er)s?"),
        ("cm", 1e-2, r"cm|Zentimetern?|centimet(?:re|er)s?"),
        ("m", 1.0, r"m|Metern?|met(?:re|er)s?"),
        (
            "in",
            0.0254,
            r"in(?:ch(?:es)?)?\b(?! (?:the|a|an|der|dem|den|each|any|all|this|case))"
            r"|Zoll|\"",
        ),
        ("ft", 0.3048, r"ft|feet|foot"),
    ],
    "time": [
        ("ms", 1e-3, r"ms|Millisekunden?|milliseconds?"),
        ("s", 1.0, r"s|sec|Sek\.?|Sekunden?|seconds?"),
        ("min", 60.0, r"min\.?|Min\.?|Minuten?|minutes?"),
        (
            "h",
            3600.0,
            r"h|hrs?|Std\.?|Bh|Betriebsstd\.?|(?:Betriebs|Last)?[Ss]tunden?"
            r"|(?:operating |running |service |working )?hours?",
        ),
        ("d", 86400.0, r"d|Tagen?|Tag|days?"),
        ("weeks", 604800.0, r"Wochen?|weeks?"),
        ("months", 2629746.0, r"Monaten?|Monat|months?"),
        ("years", 31556952.0, r"Jahren?|Jahr|years?"),
    ],
    "volume": [
        ("l", 1.0, r"[lL]|Litern?|lit(?:re|er)s?"),
        ("ml", 1e-3, r"m[lL]|Millilitern?|millilit(?:re|er)s?"),
        ("cm³", 1e-3, r"cm(?:³|3)|ccm"),
        ("m³", 1e3, r"m(?:³|3)|Kubikmetern?|cubic met(?:re|er)s?"),
        ("gal", 3.785412, r"(?:US )?gal(?:lons?)?"),
    ],
    "flow": [
        ("l/min", 1.0, r"[lL]/min|lit(?:re|er)s? per minute|Liter pro Minute"),
        ("l/s", 60.0, r"[lL]/s"),
        ("l/h", 1 / 60, r"[lL]/h"),
        ("m³/min", 1e3, r"(?:N)?m(?:³|3)/min"),
        ("m³/h", 1e3 / 60, r"(?:N)?m(?:³|3)/h"),
        ("cfm", 28.31685, r"cfm|CFM"),
    ],
    "mass": [
        ("kg", 1.0, r"kg|Kilogramm|kilograms?"),
        ("g", 1e-3, r"g|Gramm|grams?"),
        ("t", 1e3, r"t|Tonnen?|tonnes?"),
        ("lb", 0.4535924, r"lbs?|pounds?"),
    ],
    "force": [
        ("N", 1.0, r"N"),
        ("kN", 1e3, r"kN"),
        ("MN", 1e6, r"MN"),
        ("lbf", 4.448222, r"lbf"),
    ],
    "power": [
        ("W", 1.0, r"W|Watt|watts?"),
        ("kW", 1e3, r"kW|Kilowatt"),
        ("hp", 745.6999, r"hp|HP"),
        ("PS", 735.4988, r"PS"),
    ],
    "energy": [("J", 1.0, r"J"), ("kJ", 1e3, r"kJ"), ("kWh", 3.6e6, r"kWh")],
    "voltage": [
        ("V", 1.0, r"V(?: ?[AD]C)?|Volt|volts?|V[AD]C"),
        ("kV", 1e3, r"kV"),
        ("mV", 1e-3, r"mV"),
    ],
    "current": [("A", 1.0, r"A|Ampere|amps?"), ("mA", 1e-3, r"mA"), ("kA", 1e3, r"kA")],
    "apparent power": [("VA", 1.0, r"VA"), ("kVA", 1e3, r"kVA")],
    "resistance": [
        ("Ω", 1.0, r"[ΩΩ]|Ohm|ohms?"),
        ("kΩ", 1e3, r"k[ΩΩ]|kOhm|kohms?"),
        ("MΩ", 1e6, r"M[ΩΩ]|MOhm|Mohms?"),
    ],
    "frequency": [("Hz", 1.0, r"Hz|Hertz"), ("kHz", 1e3, r"kHz")],
    "rotation": [
        (
            "1/min",
            1.0,
            r"1/min|min(?:⁻¹|-1|\^-1)|U/min|rpm|RPM|r/min|rev/min"
            r"|Umdrehungen pro Minute|revolutions per minute",
        )
    ],
    "speed": [
        ("mm/s", 1e-3, r"mm/s"),
        ("m/s", 1.0, r"m/s"),
        ("m/min", 1 / 60, r"m/min"),
        ("mm/min", 1e-3 / 60, r"mm/min"),
    ],
    "viscosity": [("mm²/s", 1.0, r"mm(?:²|2)/s|cSt")],
    "area": [("mm²", 1e-6, r"mm(?:²|2)"), ("cm²", 1e-4, r"cm(?:²|2)"), ("m²", 1.0, r"m(?:²|2)")],
    "share": [("%", 1.0, r"%|Prozent|per ?cent"), ("ppm", 1e-4, r"ppm")],
    "concentration": [("mg/m³", 1.0, r"mg/m(?:³|3)")],
    "sound": [("dB", 1.0, r"dB(?: ?\([AC]\))?")],
    "angle": [("°", 1.0, r"°(?! ?[CF])|Grad(?! (?:Celsius|Fahrenheit))|degrees?(?! [CF])")],
}
_TEMPERATURES = [
    ("°C", 1.0, 273.15, r"[°º] ?C|℃|Grad Celsius|deg(?:rees)? ?(?:C|Celsius)"),
    ("°F", 5 / 9, 255.3722222, r"[°º] ?F|℉|Grad Fahrenheit|deg(?:rees)? ?(?:F|Fahrenheit)"),
    ("K", 1.0, 0.0, r"K|Kelvin"),
]


def _spellings() -> list[tuple[str, Unit]]:
    found = [
        (spelling, Unit(name, dimension, factor))
        for dimension, units in _TABLE.items()
        for name, factor, spelling in units
    ]
    found += [
        (spelling, Unit(name, "temperature", factor, offset))
        for name, factor, offset, spelling in _TEMPERATURES
    ]
    return found


_END = r"(?![^\W_]|[²³⁻/]\w)"
_UNITS = [(re.compile(rf"(?:{spelling}){_END}"), unit) for spelling, unit in _spellings()]
_LONGEST = 40  # letters that a unit may take, with those behind it that tell where it ends
UNIT_BY_NAME = {unit.name: unit for _, unit in _UNITS}


def unit_at(text: str, position: int) -> tuple[Unit, int] | None:
    """The longest unit that is written at ``position``, and where it ends."""
    found = _unit_of(text[position : position + _LONGEST])
    return (found[0], position + found[1]) if found else None


@lru_cache(maxsize=4_000)
def _unit_of(text: str) -> tuple[Unit, int] | None:
    """The longest unit that ``text`` begins with, and its length."""
    best: tuple[Unit, int] | None = None
    for pattern, unit in _UNITS:
        found = pattern.match(text)
        if found and (best is None or found.end() > best[1]):
            best = (unit, found.end())
    return best
