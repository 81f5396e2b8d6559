"""German compounds, split against the corpus's own vocabulary.

Method: Koehn and Knight (2003), "Empirical Methods for Compound Splitting": of all ways to write
a word as known parts with linking elements between them, take the one with the largest geometric
mean of the parts' frequencies. Unlike for translation, the whole word is kept beside its parts,
so a needless split costs little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from rag.retrieve.words import PARTICLES, STOP_WORDS, fold, stem

LINKS = ("", "s", "es", "n", "en", "er", "e")
_SHORTEST_PART = 4
_SHORTEST_UNKNOWN = 4
_SHORTEST_HEAD = 5
_SHORTEST_COMPOUND = 6
_MOST_PARTS = 5
# Parts shorter than four letters that German technical compounds are made of.
_SHORT_PARTS = frozenset(
    fold(word)
    for word in "öl rad gas arm hub tor not luft weg ort typ tür uhr alt neu rot düse axial "
    "ist soll eis erz bau fuß kw roh rost".split()
)
_PREFIXES = tuple(PARTICLES)
# Common constituents, so that a part is known even when a small library never has it alone.
_CONSTITUENTS = """
abdeckung ablauf abschalt absaug absperr abstand achse anlage anlauf anschluss antrieb anzeige
anzug arbeit auslass ausgang bau behälter bedien betrieb blech bolzen bremse buchse bürste dampf
daten deckel dicht dichtung dreh druck durchmesser düse ebene eingang einlass einstell elektro
ende energie ersatz fahr falle feder fehler fett filter fläche flansch flügel förder form frequenz
führung fuß futter gang gas gebläse gefahr gehäuse gelenk gerät gewicht gewinde getriebe gleit
griff größe grenze grund gruppe gurt hahn halter hand handschuh haube haupt hebe hebel heiz hilfe
hinweis hitze höhe holz hub hydraulik inbetriebnahme kabel kammer kappe kasten keil kessel kette
klappe klemme kohle kolben kompressor kondensat kontakt kontroll kopf körper kraft kran kreis
kugel kühl kühler kupplung kurbel lager länge lärm last laser lauf lebens leistung leiter leitung
lenk licht lüfter luft magnet maschine maß material mess messer menge meter minute mittel motor
mutter nabe nass netz nenn nippel norm not nummer öffnung öl ort pegel pedal plan platte prüf
pumpe rad rahmen rand raum regel regler reifen reihe reinigung reparatur richtung riegel riemen
ring rohr rolle rost rück sachen säge satz saug schacht schale schall schalt schalter schaltung
scheibe schiene schild schlag schlauch schleif schlitten schloss schlüssel schmier schmutz
schnecke schneid schnell schraube schrank schuh schutz schweiß schwing seil seite sensor service
sicherheit sicherung sieb signal span spann spannung speicher spezial spiel spindel spitze stand
stange start stärke station staub steck stecker stell steuer steuerung stift stillstand stoff
störung stoß strom stück stütze stufe stunde system tabelle tafel takt tank taste teil temperatur
tisch tor träger transport trenn trieb trommel typ überlast umgebung umlenk ventil verbindung
verbrauch verschleiß verschluss vibration volumen vor walze wand wanne warn wart wartung wärme
wasser wechsel weg welle werk werkzeug wert wicklung winkel zahl zahn zange zeichen zeit zentral
zubehör zufuhr zug zustand zylinder klotz schwelle nut stößel presse band bogen moment anleitung
schub schmal breit flach matte kondensat ableiter abscheider kessel speicher stickstoff
"""
# Endings of adjectives and abstract nouns that look like nouns of their own ("dauer" + "haft").
_ENDINGS = frozenset("haft schaft keit heit sam lich".split())


class CompoundSplitter:
    """Splits folded words into folded parts known to ``frequencies`` (word → count)."""

    def __init__(self, frequencies: Mapping[str, int], lexicon: Iterable[str] = ()) -> None:
        self._frequency: dict[str, int] = {}
        self._cache: dict[str, tuple[str, ...]] = {}
        for word in (*_CONSTITUENTS.split(), *lexicon):
            self._know(fold(word), 1)
        for word, count in frequencies.items():
            self._know(word, count)

    def _know(self, word: str, count: int) -> None:
        if word in STOP_WORDS["de"] and word not in _SHORT_PARTS:
            return
        for form in {word, stem(word, "de")}:
            if len(form) >= _SHORTEST_PART or form in _SHORT_PARTS:
                self._frequency[form] = self._frequency.get(form, 0) + count

    def knows(self, word: str) -> bool:
        """Whether a folded word, or its stem, stands in the corpus or the lexicon."""
        return word in self._frequency or stem(word, "de") in self._frequency

    def split(self, word: str) -> tuple[str, ...]:
        """The parts of a compound, in order and with their linking elements ("anzugs", "moment");
        empty when the word is not one."""
        if len(word) < _SHORTEST_COMPOUND:
            return ()
        parts = self._cache.get(word)
        if parts is None:
            parts = self._cache[word] = self._best(word) or self._half_known(word)
        return parts

    def _best(self, word: str) -> tuple[str, ...]:
        # best[i]: (number of parts, sum of log frequencies, parts) of the best reading of word[:i]
        best: list[dict[int, tuple[float, tuple[str, ...]]]] = [{} for _ in range(len(word) + 1)]
        best[0][0] = (0.0, ())
        for start in range(len(word) - 1):
            if not best[start]:
                continue
            for end in range(start + 2, len(word) + 1):
                part = word[start:end]
                frequency = self._part_frequency(part, whole=word, last=end == len(word))
                if not frequency:
                    continue
                self._extend(best, word, start, end, math.log(frequency))
        readings = [
            (total / count, parts) for count, (total, parts) in best[-1].items() if count >= 2
        ]
        return max(readings, key=lambda reading: reading[0])[1] if readings else ()

    def _half_known(self, word: str) -> tuple[str, ...]:
        """The known head after an unknown modifier, or the known modifier of an unknown head.

        Only what is known is given: what is left over is as often an ending as a word.
        """
        for start in range(_SHORTEST_UNKNOWN, len(word) - _SHORTEST_HEAD + 1):
            head = word[start:]
            if word[:start].startswith(_PREFIXES) and start < _SHORTEST_HEAD:
                continue  # "abschalten" is not "absc" + "halten"
            if len(stem(head, "de")) >= _SHORTEST_PART and self._part_frequency(
                head, whole=word, last=True
            ):
                return self._best(head) or (head,)
            if len(head) >= 2 * _SHORTEST_UNKNOWN:
                parts = self._best(head)
                if parts and min(map(len, parts)) >= _SHORTEST_PART:
                    return parts
        for end in range(len(word) - _SHORTEST_UNKNOWN, _SHORTEST_HEAD - 1, -1):
            if self._part_frequency(word[:end], whole=word, last=False):
                return (word[:end],)
        return ()

    def _extend(
        self,
        best: list[dict[int, tuple[float, tuple[str, ...]]]],
        word: str,
        start: int,
        end: int,
        gain: float,
    ) -> None:
        for link in LINKS:
            after = end + len(link)
            if link and (end == len(word) or after >= len(word)):
                continue
            if link and not word.startswith(link, end):
                continue
            for count, (total, parts) in best[start].items():
                known = best[after].get(count + 1)
                if count < _MOST_PARTS and (known is None or total + gain > known[0]):
                    best[after][count + 1] = (total + gain, (*parts, word[start:after]))

    def _part_frequency(self, part: str, *, whole: str, last: bool) -> int:
        if last and part in _ENDINGS:
            return 0
        if part == whole or (len(part) < _SHORTEST_PART and part not in _SHORT_PARTS):
            return 0
        frequency = self._frequency.get(part, 0)
        if not frequency and last:
            # The last part carries the ending: "…riemens", "…schrauben".
            frequency = self._frequency.get(stem(part, "de"), 0)
        # Log of 1 is 0: a part that is only in the lexicon still counts as known.
        return frequency + 1 if frequency else 0
