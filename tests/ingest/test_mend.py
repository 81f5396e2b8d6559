"""Words broken at line ends are mended; hyphens that belong to a word stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ingest.mend import Vocabulary, clean, join_lines


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["die War-", "tung der Anlage"], "die Wartung der Anlage"),
        (["die War\u00ad", "tung der Anlage"], "die Wartung der Anlage"),
        (["Code E-", "104 steht an"], "Code E-104 steht an"),
        (["den Not-", "Halt-Taster"], "den Not-Halt-Taster"),
        (["Ein-", "und Ausgang"], "Ein- und Ausgang"),
        (["Öl-", "und Luftkühler"], "Öl- und Luftkühler"),
        (["von 4 -", "8 bar"], "von 4 - 8 bar"),
        (["Satz eins.", "Satz zwei."], "Satz eins. Satz zwei."),
    ],
)
def test_line_ends(lines: list[str], text: str) -> None:
    assert join_lines(lines, Vocabulary()) == text


def test_the_manuals_own_words_decide() -> None:
    words = Vocabulary(["the high-pressure hose is here", "a Pick-and-Place unit there"])
    assert join_lines(["the high-", "pressure hose"], words) == "the high-pressure hose"
    assert join_lines(["a Pick-and-", "Place unit"], words) == "a Pick-and-Place unit"
    words = Vocabulary(["the compressor runs well"])
    assert join_lines(["the com-", "pressor runs"], words) == "the compressor runs"
    words = Vocabulary(["der Ventilator läuft gut"])
    assert join_lines(["der Ventilat-", "or läuft"], words) == "der Ventilator läuft"


@given(st.lists(st.text(alphabet="abc -E104.\u00ad", min_size=1), max_size=5))
def test_no_letter_or_digit_is_ever_lost(lines: list[str]) -> None:
    joined = join_lines(lines, Vocabulary(lines))
    kept = "abcE104."
    assert [c for c in joined if c in kept] == [c for line in lines for c in line if c in kept]


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)
