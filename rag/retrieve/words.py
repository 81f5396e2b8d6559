"""Words: folding, stop words, stems and word families of German and English.

A *stem* is Snowball's; a *root* goes one step further and joins a verb with its noun
("prüfen", "geprüft", "Prüfung"), which Snowball does not.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from py_rust_stemmers import SnowballStemmer

from rag.types import Language

_STEMMERS = {"de": SnowballStemmer("german"), "en": SnowballStemmer("english")}
_SHORTEST_ROOT = 4
# "ae" for "ä" as in German2 Snowball: not after a vowel ("neue", "Bauer") and not in "qu".
_DIGRAPH = re.compile(r"(?<![aeiouq])([aou])e")

_GERMAN = (
    "aber alle allem allen aller alles als also am an andere anderen anderer anderes auch auf aus "
    "außer bei beim bereits bevor bin bis bitte bzw ca da dabei dadurch dafür dagegen daher damit "
    "danach daran darauf daraus darf darfst darin darüber das dass davon davor dazu dein deine "
    "dem den denn der deren des deshalb dessen die dies diese diesem diesen dieser dieses doch "
    "dort du durch dürfen eben eigentlich ein eine einem einen einer eines einige einmal er es "
    "etwa etwas euch euer ggf gegebenenfalls gehört genau gerade gern gib gibt habe haben hab hat "
    "hatte her heißt heisst hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer "
    "in ins ist ja je jede jedem jeden jeder jedes jetzt kann kannst kein keine keinem keinen "
    "keiner können könnte lassen lasse lässt los mal man manche mein meine meinem meinen meiner "
    "mich mir mit muss musst müssen müsste nach nachdem noch nun nur ob oder ohne sehr sei sein "
    "seine seinem seinen seiner seit sich sie sind so sobald sofern solche soll sollen sollte "
    "somit sondern sonst soviel sowie sowohl statt tu tue tun über überhaupt um und uns unser "
    "unsere unter usw viel viele vielen vom von vor wann war waren warum was wäre weil welche "
    "welchem welchen welcher welches wenn wer werde werden weshalb wie wieder wieso wieviel wird "
    "wo wobei wodurch wofür woher wohin womit woran worauf worin wovon wozu wurde wurden würde z "
    "zb zu zum zur zwar zwischen eigene eigenen überall hallo danke bitteschön bedeutet bedeuten "
    "gilt gelten steht stehen mach mache machen macht weiss weiß wissen brauch brauche braucht "
    "brauchen benötige benötigt passiert hilfe sagen sagt finde findet nicht ab weg rum dran "
    "drauf drin ran raus rein runter hoch neben nie ständig dauernd andauernd komme komm kommt "
    "kommen kommst gehe geht gehen geh gehst kriege krieg kriegt kriegen bekomme bekommt bekommen "
    "hole holt will wollen wolle möchte mag liegts gibts geht's ists darfs zeigen eher ungefähr "
    "circa paar einfach richtig vorher nachher dann lang lange wieviele ordentlich unserer "
    "unserem unseren selber selbst allein alleine für jemand jemanden jemandem niemand obwohl "
    "trotzdem wegen nämlich irgend irgendwie irgendwas irgendwo bisher solange"
)
_ENGLISH = (
    "a about above after again all also am an and any are as at be because been before being "
    "below between both but by can cannot could did do does doing down during each every few for "
    "from further had has have having he hello help her here him his how i if in into is it its "
    "itself just kind know let lets like may me mean means might more most must my need needs no "
    "nor not now of off on once only or other our out over own please same shall she should so "
    "some such tell than thanks that the their them then there these they this those through to "
    "too under until up us use used using very was we were what when where whether which while "
    "who whom whose why will with within would you your get got give happen happens isn don doesn "
    "didn won aren there's find many much often say says want wants anything something someone "
    "somebody someone's come comes going goes go gone put look looks new what's where's ours keep "
    "keeps start's let's take takes another really actually able nobody everybody everyone "
    "although though since yet already"
)

# Verbs whose forms change their vowel, and nouns made from them; all as folded stems.
_FAMILIES = """
de anzieh: anzug anzugs angezog anzieht anzuzieh anzog
de zieh: zog gezog zieht
de lauf: lief gelauf lauft laufst
de brech: brich bricht brach gebroch bruch
de reiss: riss gerissen geriss reisst
de fliess: floss geflossen gefloss fliesst
de heb: hebt hob gehob
de schliess: schloss geschloss geschlossen schliesst
de verschliess: verschloss verschlossen verschluss
de anschliess: anschluss angeschloss angeschlossen
de trag: tragt trug getrag
de fall: fallt fiel gefall
de ausfall: ausgefall ausfallt
de halt: halt hielt gehalt
de steh: stand steht gestand
de stillsteh: stillstand
de stoss: stosst stiess gestoss
de treib: trieb getrieb antrieb treibt
de sink: sank gesunk absink
de springen: spring sprung gesprung
de fress: frisst gefress
de mont: montag montier montiert montage monti
de demont: demontag demontier demontiert demontage demonti
de just: justag justier justiert justage justi
de repar: reparatur reparier repariert repari
de schmier: schmi schmiert
de getrieb: getriebe
de arbeit: arbeit
de wart: wartet gewartet
de inbetriebnehm: inbetriebnahm inbetriebnahme
de ausserbetriebnehm: ausserbetriebnahm
de nehm: nimm nimmt nahm genomm
de abnehm: abnahm abgenomm
de lass: lasst liess gelass
de ablass: ablass abgelass ablasst
de les: liest las geles
de seh: sieht sah gesehn
de miss: misst mass gemess
de schmelz: schmilzt schmolz geschmolz
de verschleiss: verschliss verschlissen verschleisst
de wieg: wiegt wog gewog gewicht
de schwing: schwang geschwung
de schneid: schnitt geschnitt
de bieg: bog gebog
de schieb: schob geschob
de leck: leckag leckage
de spann: spannt gespannt
de defekt: defekt
de blas: blast gebläs geblas
de start: starten gestartet
de stopp: stop stopt gestoppt
en maintain: mainten maintenance maintain
en leak: leakag leakage
en fail: failur failure
en remove: remov removal
en break: broke broken breakag breakage
en wear: worn wore
en weigh: weight
en run: ran
en instal: install
en store: storag storage stor
en seize: seizur seiz
en replace: replac
en stop: stoppag stoppage
en torn: tear tore
en driv: drive drove driven
en blow: blew blown
en weld: welded
"""

# Nouns that Snowball would melt into another word ("Lager" and "Lage").
_KEPT: dict[Language, dict[str, str]] = {
    "de": {
        "lager": "lager",
        "lagers": "lager",
        "lagern": "lager",
        "lagerung": "lagerung",
        "messer": "messer",
        "messern": "messer",
        "messers": "messer",
        "leiter": "leiter",
        "leitern": "leiter",
        "gas": "gas",
        "gase": "gas",
        "gasen": "gas",
        "sicherung": "sicherung",
        "sicherungen": "sicherung",
        "sicherungs": "sicherung",
        "vorsicherung": "vorsicherung",
        "vorsicherungen": "vorsicherung",
        "absicherung": "absicherung",
        # A fan is not air, a sensor not a feeling, a counter not a number.
        **{
            form: word
            for word in ("lufter", "laufer", "zahler", "fuhler")
            for form in (word, word + "s", word + "n")
        },
        "lange": "lange",  # "wie lange" asks for a time, "wie lang" for a length
    },
    "en": {"engineer": "engineer", "engineers": "engineer"},  # not an engine
}
_NOT_PARTICIPLES = frozenset(
    "gefahr gerat geblas gelenk geschaft gesicht gewicht gehalt gesamt genug geruch gewind "
    "getrieb gehaus gestell gerausch geschwindigkeit geeignet geeign gegenstand gebiet".split()
)
PARTICLES = (
    "zuruck heraus hinein herunter zusammen fest frei nach ein aus auf an ab um vor los zu bei "
    "weg durch unter uber ver"
).split()
_PARTICLE = "|".join(PARTICLES)
_PARTICIPLE = re.compile(rf"^({_PARTICLE})?ge([a-z]{{3,}}?)(?:e?t|en|n)?$")
_ZU_INFINITIVE = re.compile(rf"^({_PARTICLE})zu(?!gs|g$|s)([a-z]{{4,}})$")
# A final "t" is an ending only behind what a verb's stem ends in: "leckt", "rutscht", not "Punkt".
_GERMAN_SUFFIX = re.compile(
    r"(?:ation|atur|ung|(?<=..)ier|(?<=.....)i|n(?<=[lr]n)"
    r"|(?:(?<=sch)|(?<=eif)|(?<=ck)|(?<=nn)|(?<=ll)|(?<=er)|(?<=eh)|(?<=m)|(?<=g)|(?<=b)|(?<=pf)"
    r"|(?<=tz)|(?<=hl))t(?<!wert)(?<!amt)|(?<!gn)(?<!ak)et)$"
)
_ENGLISH_SUFFIX = re.compile(r"(?:ation|ment|ing|ness)$")


@lru_cache(maxsize=20_000)
def fold(word: str) -> str:
    """Lower-case letters without accents: "Öl", "Oel", "öl" and "OEL" become "ol"."""
    while True:
        letters = unicodedata.normalize("NFKD", word.casefold())
        folded = "".join(letter for letter in letters if not unicodedata.combining(letter))
        folded = unicodedata.normalize("NFKC", _DIGRAPH.sub(r"\1", folded))
        if folded == word:
            return folded
        word = folded


# Words of talk, rare in manuals: their rarity there says nothing of what a question is about.
_EVERYDAY = (
    "dauert dauern nehmen nehme nimmt gut schlecht schon neu alt sagen fragen frage gehört passt "
    "passen bringen bringt legen lege stecken gefällt erlaubt darf möglich unmöglich normal ok "
    "kollege kollegen chef leute typ sache ding dinger teil stelle heute morgen gestern danach "
    "jetzt sofort gleich ganz halb fast wirklich bestimmt sicher unbedingt schlimm wichtig groß "
    "klein mehr weniger meist meistens manchmal oft selten plötzlich langsam schnell hängt liegt "
    "läuft lief fertig bereit probiert versuchen versuche nachsehen nachschauen gucken schauen "
    "guck schau kümmern melden meldet zeigt anzeigt anruf wofür weiter weitermachen weiterfahren "
    "ab wann welcher überhaupt beachten achten aufpassen passieren dürfen nutzen benutzen "
    "verwenden verwendet gehören reicht reichen genug zuviel zuwenig kaputt krumm komisch does "
    "happens good bad old right wrong guy guys thing things stuff today now soon just big small "
    "more less most sometimes always quickly slowly suddenly really stay stays sit sits due "
    "allowed possible sure long far wait try tried tell need needed bit lot kind sort heavy fit "
    "fits fitted hit hits someone standing call called read"
)
EVERYDAY_WORDS = frozenset(fold(word) for word in _EVERYDAY.split())
# Not searched for, but part of what people say: "wie oft", "Strom weg", "how heavy".
QUIET_WORDS = frozenset(
    fold(word)
    for word in "wie wann wo wer womit wohin woher warum was ab an aus ein auf los weg rum dran "
    "raus rein runter hoch um nach zu nicht kein keine nie selbst selber allein alleine lang "
    "lange oft viel viele wieviel wieviele kommt kommen geht gehen jede jeden jedes alle "
    "neben dauernd ständig how when where who what which why off out up down on not no "
    "never every each self itself long much many often come new through".split()
)
STOP_WORDS: dict[Language, frozenset[str]] = {
    "de": frozenset(fold(word) for word in _GERMAN.split()),
    "en": frozenset(fold(word) for word in _ENGLISH.split()),
}


def _families() -> dict[tuple[Language, str], str]:
    members: dict[tuple[Language, str], str] = {}
    for line in _FAMILIES.split("\n"):
        if ":" in line:
            head, forms = line.split(":")
            language, root = head.split()
            for form in [root, *forms.split()]:
                members["de" if language == "de" else "en", form] = root
    return members


_FAMILY = _families()


@lru_cache(maxsize=20_000)
def stem(word: str, language: Language) -> str:
    """Snowball's stem of a folded word."""
    kept = _KEPT[language].get(word)
    if kept is not None:
        return kept
    return fold(_STEMMERS[language].stem_word(word)) or word


@lru_cache(maxsize=20_000)
def root(word: str, language: Language) -> str:
    """The family of a folded word: "geprüft", "Prüfung", "prüfen" → "pruf"."""
    kept = _KEPT[language].get(word)
    if kept is not None:
        return kept
    current = stem(word, language)
    for _ in range(10):
        known = _FAMILY.get((language, current))
        if known is not None:
            return known
        shorter = _shorten(current, language)
        if shorter == current:
            break
        current = shorter
    return current


def _shorten(word: str, language: Language) -> str:
    if language == "de":
        match = _ZU_INFINITIVE.match(word)
        if match:
            return match[1] + match[2]
        match = _PARTICIPLE.match(word)
        if match and word not in _NOT_PARTICIPLES and (match[1] or word.endswith("t")):
            return (match[1] or "") + match[2]
        suffix = _GERMAN_SUFFIX
    else:
        suffix = _ENGLISH_SUFFIX
    shorter = suffix.sub("", word)
    return shorter if len(shorter) >= _SHORTEST_ROOT else word
