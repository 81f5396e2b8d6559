"""The notices that belong, byte for byte, most severe first."""

from __future__ import annotations

from rag.answer.safety import as_notice, notices_for
from rag.services import Services
from rag.types import Hit, Signal
from tests.answer.conftest import answer_to
from tests.answer.small_library import chunk, compressor, load, manual
from tests.stand_in.ollama import OllamaStandIn, Reply

OIL = "Wie wechsle ich das Kompressorenöl?"


async def test_they_are_byte_equal_whatever_the_model_writes(
    writing: Services, ollama: OllamaStandIn
) -> None:
    printed = {one.text for one in compressor()[1] if one.kind == "notice"}
    for reply in ("Es gibt keine Gefahren [1].", "lorem ipsum dolor", Reply([])):
        ollama.enqueue(reply)
        answer = await answer_to(OIL, writing)

        assert {notice.text for notice in answer.notices} == printed
        assert [notice.word for notice in answer.notices] == ["GEFAHR", "VORSICHT"]


async def test_none_of_another_manual(quoting: Services) -> None:
    of, _ = compressor()
    foreign = manual("Fremd", "de")
    danger = chunk(foreign, "GEFAHR\nFremde Gefahr!", page=7, heading=("1",), kind="notice",
                   signal=Signal.DANGER)  # fmt: skip
    load(quoting, foreign, [danger])
    linked = chunk(of, "Text", page=9, heading=("1",), notices=(danger,))

    assert await notices_for([Hit(linked)], quoting.library) == ()


async def test_the_same_text_is_shown_once_with_all_its_pages(quoting: Services) -> None:
    of = manual("Wieder", "de")
    warnings = [
        chunk(of, "WARNUNG\nHeiße Teile!\nHandschuhe tragen.", page=page, heading=(str(page),),
              kind="notice", signal=Signal.WARNING)
        for page in (10, 20, 30)
    ]  # fmt: skip
    told = chunk(of, "Text", page=30, heading=("30",), notices=tuple(warnings))
    load(quoting, of, [*warnings, told])

    (notice,) = await notices_for([Hit(told)], quoting.library)

    assert (notice.label, notice.also_on) == ("5", ("15", "25"))


async def test_many_notices_never_push_out_one_on_people(quoting: Services) -> None:
    of = manual("Viele", "de")
    made = [
        chunk(of, f"{word}\nNummer {n}!", page=9, heading=("1",), kind="notice", signal=signal)
        for n in range(5)
        for word, signal in (("HINWEIS", Signal.NOTICE), ("WARNUNG", Signal.WARNING),
                             ("GEFAHR", Signal.DANGER))
    ]  # fmt: skip
    told = chunk(of, "Text", page=9, heading=("1",), notices=tuple(made))
    load(quoting, of, [*made, told])

    shown = await notices_for([Hit(told)], quoting.library)

    signals = [notice.signal for notice in shown]
    assert signals == [Signal.DANGER] * 5 + [Signal.WARNING] * 5


async def test_a_fault_brings_the_injury_warnings_of_its_chapter(quoting: Services) -> None:
    of = manual("Störungen", "de")
    made = [
        chunk(of, f"{word}\nText!", page=9, heading=("9", "9.2"), kind="notice", signal=signal)
        for word, signal in (("WARNUNG", Signal.WARNING), ("HINWEIS", Signal.NOTICE))
    ]
    fault = chunk(of, "Code: E-1", page=10, heading=("9", "9.3"), kind="fault")
    other = chunk(of, "WARNUNG\nAnders!", page=3, heading=("3",), kind="notice",
                  signal=Signal.WARNING)  # fmt: skip
    load(quoting, of, [*made, other, fault])

    shown = await notices_for([Hit(fault)], quoting.library)

    assert [notice.text for notice in shown] == ["WARNUNG\nText!"]


def test_the_word_is_the_printed_one() -> None:
    of = manual("Wort", "de")
    plain = chunk(of, "Heiße Teile!", page=9, heading=("1",), kind="notice", signal=Signal.CAUTION)
    odd = chunk(of, "ACHTUNG\nTeile!", page=9, heading=("1",), kind="notice", signal=Signal.NOTICE)

    assert [as_notice(one).word for one in (plain, odd)] == ["VORSICHT", "ACHTUNG"]  # type: ignore[union-attr]
    assert as_notice(chunk(of, "Text", page=9, heading=("1",))) is None
