"""Markup, links and hidden characters are taken out, however the stream is cut."""

from __future__ import annotations

import random

import pytest

from rag.answer.clean import Cleaner, clean, plain, verbatim

HARMFUL = [
    ("Siehe <script>alert(1)</script> hier", "Siehe alert(1) hier", "script"),
    ("<img src=x onerror=alert(1)>Text", "Text", "onerror"),
    ("![Bild](http://evil.example/x.png) da", "Bild da", "evil"),
    ("[klick](javascript:alert(1)) da", "klick da", "javascript"),
    ("[klick](https://evil.example/a?b=(c)) da", "klick da", "evil"),
    ("besuche https://evil.example/steal?q=1 jetzt", "besuche (Link entfernt) jetzt", "evil"),
    ("besuche www.evil.example jetzt", "besuche (Link entfernt) jetzt", "evil"),
    ("<https://evil.example>", "", "evil"),
    ("[x]: https://evil.example/x\n[x]", "[x] : (Link entfernt)\n[x]", "evil"),
    ("[1](https://evil.example) sagt", "[1] sagt", "evil"),
    ("<!-- versteckt --> sichtbar", " sichtbar", "versteckt"),
    ("<iframe src='//evil.example'></iframe>ok", "ok", "iframe"),
    ("unsicht\u200bbar \U000e0041\u202eab", "unsichtbar ab", "\u200b"),
    ("[a [b](http://evil.example) c](http://evil.example)", "a b c", "evil"),
    ("<svg/onload=alert(1)>x", "x", "onload"),
]
HARMLESS = [
    "Der Druck ist < 5 bar und > 2 bar [1].",
    "1. **Anlage** ausschalten [1].\n2. 24 l einfüllen [1][2].",
    "| Teil | Moment |\n| --- | --- |\n| M12 | 85 Nm |",
    "Achtung! Ventil V1 [1, 2] prüfen (siehe S. 7).",
    "z. B. E-104: Öl nachfüllen – 2,5 l [3]",
    "Data: 5 bar. Note: done!",
    "Siehe [1] (S. 7) und [2].",
]


@pytest.mark.parametrize(("text", "shown", "gone"), HARMFUL, ids=[one[2] for one in HARMFUL])
def test_what_could_load_or_run_is_gone(text: str, shown: str, gone: str) -> None:
    cleaned = clean(text, "de")

    assert gone not in cleaned
    assert cleaned.replace("alert(1)", "").strip() == shown.replace("alert(1)", "").strip()


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_markdown_stays_as_it_is(text: str) -> None:
    assert clean(text, "de") == text


def test_any_cut_of_the_stream_gives_the_same() -> None:
    random_ = random.Random(3)
    whole = "\n".join([text for text, *_ in HARMFUL] + HARMLESS)
    expected = clean(whole, "de")
    for _ in range(300):
        cleaner, out, rest = Cleaner("de"), "", whole
        while rest:
            size = random_.randint(1, 9)
            out += cleaner.feed(rest[:size])
            rest = rest[size:]
        assert out + cleaner.finish() == expected


def test_a_bracket_that_never_closes_does_not_hold_the_stream_for_ever() -> None:
    cleaner = Cleaner("de")
    shown = cleaner.feed("Text [offen " + "und weiter " * 60)

    assert shown.startswith("Text (offen und weiter")


def test_verbatim_shows_the_characters_of_the_page() -> None:
    printed = "M8 *fest* [siehe 3.1] <50 °C> # 1 www.example.com a_b\n- Punkt"
    shown = verbatim(printed)

    assert plain(shown) == printed
    assert "www.example" not in shown
    assert "\\[siehe" in shown
    assert "\n\\- Punkt" in shown
