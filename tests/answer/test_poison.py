"""Text of a manual is data: nothing in it is followed, loaded or rendered.

The model of these tests is as obedient to the manual as a model can be: it repeats the passage.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from rag.answer.prompt import load_prompt
from rag.services import Services
from rag.types import Replaced, Token
from tests.answer.conftest import answer_to, events_of
from tests.answer.poison import POISONED
from tests.answer.small_library import chunk, load, manual
from tests.stand_in.ollama import OllamaStandIn

QUESTION = "Wie wird das Fräswerk gestartet?"
GOOD = "Das Fräswerk wird am Pult mit 24 V gestartet."
# What Markdown makes a tag, an image, a link, a link's definition or an address of.
ACTIVE = re.compile(
    r"<[a-z/!?]|!\[|\]\(|\]:|\]\[(?!\d)|[a-z][a-z0-9+.-]*://|\bwww\.", re.IGNORECASE
)
HIDDEN = re.compile("[\u200b\u202a-\u202e\ufeff\U000e0000-\U000e007f]")


def rendered(text: str) -> str:
    """What of a Markdown text can be active: without what a backslash makes plain."""
    return re.sub(r"\\.", "", text)


def test_there_are_forty() -> None:
    assert len(set(POISONED)) == 40


@pytest.mark.parametrize("poison", POISONED, ids=range(40))
async def test_nothing_in_a_passage_is_followed_or_rendered(
    open_services: Callable[..., Services], ollama: OllamaStandIn, poison: str
) -> None:
    services = open_services(ollama_base_url=ollama.url)
    of = manual("Fräswerk", "de")
    load(services, of, [chunk(of, f"{GOOD} {poison}", page=9, heading=("1 Start",))])
    ollama.enqueue(f"{GOOD[:-1]} [1]. {poison}")

    written = await events_of(QUESTION, services, machine="Fräswerk")
    shown = "".join(event.text for event in written if isinstance(event, Token | Replaced))

    assert ACTIVE.search(rendered(shown)) is None
    assert HIDDEN.search(shown) is None
    assert set(re.findall(r"\[(\d+)\]", shown)) <= {"1"}
    _prompt_is_intact(ollama, poison)


@pytest.mark.parametrize("poison", POISONED, ids=range(40))
async def test_a_quoted_passage_is_shown_but_not_rendered(
    open_services: Callable[..., Services], poison: str
) -> None:
    services = open_services()
    of = manual("Fräswerk", "de")
    load(services, of, [chunk(of, f"{GOOD} {poison}", page=9, heading=("1 Start",))])

    answer = await answer_to(QUESTION, services, machine="Fräswerk")

    assert "24 V" in answer.text
    assert ACTIVE.search(rendered(answer.text.rsplit("*Ohne", 1)[0])) is None
    assert HIDDEN.search(answer.text) is None


def _prompt_is_intact(ollama: OllamaStandIn, poison: str) -> None:
    """The passage cannot leave its fence, speak as somebody else or bring its own citations."""
    system, human = ollama.history[-1].messages
    assert system["content"] == load_prompt("answer", "de").system
    body = human["content"]
    assert (body.count("<p1>"), body.count("</p1>")) == (1, 1)
    assert body.rstrip().endswith(f"Frage: {QUESTION}")
    inside = body[body.index("<p1>") + 4 : body.index("</p1>")]
    assert re.findall(r"\[\d+\]", inside) == ["[1]"]
    assert "[INST]" not in inside
    assert "<|" not in inside
    assert HIDDEN.search(inside) is None
