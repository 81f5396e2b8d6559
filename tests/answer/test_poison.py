"""Text of a manual is data: nothing in it is followed, loaded or rendered.

The model of these tests is as obedient to the manual as a model can be: it repeats the passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from rag.answer.prompt import load_prompt
from rag.services import Services, build_services
from rag.settings import Settings
from rag.types import Replaced, Token
from tests.answer.conftest import NOWHERE, answer_to, events_of
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


# The client of the language model belongs to one event loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")


def rendered(text: str) -> str:
    """What of a Markdown text can be active: without what a backslash makes plain."""
    return re.sub(r"\\.", "", text)


async def test_there_are_forty() -> None:
    assert len(set(POISONED)) == 40


@pytest.fixture(scope="module")
def model() -> Iterator[OllamaStandIn]:
    with OllamaStandIn() as server:
        yield server


@pytest.fixture(scope="module")
def poisoned(
    tmp_path_factory: pytest.TempPathFactory, model: OllamaStandIn
) -> Iterator[dict[bool, Services]]:
    """One library with the forty passages, each in the manual of a machine of its own; by
    whether there is a language model."""
    opened = {}
    for writes in (True, False):
        settings = Settings(
            data_dir=tmp_path_factory.mktemp("data"),
            models_dir=tmp_path_factory.mktemp("models"),
            ollama_base_url=model.url if writes else NOWHERE,
            tracing=False,
            hyde="never",
        )
        opened[writes] = build_services(settings)
        other = manual("Anderes", "de")
        fillers = [f"Absatz {n} über Lager, Rohre und Ventile." for n in range(120)]
        load(opened[writes], other, [chunk(other, f, page=9, heading=("2",)) for f in fillers])
        for place, poison in enumerate(POISONED):
            of = manual(machine(place), "de")
            told = chunk(of, f"{GOOD} {poison}", page=9, heading=("1 Start",))
            load(opened[writes], of, [told])
    yield opened
    for services in opened.values():
        services.close()


def machine(place: int) -> str:
    return f"Fräswerk {place + 1000}"


@pytest.mark.parametrize("place", range(40))
async def test_nothing_in_a_passage_is_followed_or_rendered(
    poisoned: dict[bool, Services], model: OllamaStandIn, place: int
) -> None:
    poison = POISONED[place]
    model.enqueue(f"{GOOD[:-1]} [1]. {poison}")

    written = await events_of(QUESTION, poisoned[True], machine=machine(place))

    shown = "".join(event.text for event in written if isinstance(event, Token | Replaced))
    assert "24 V" in shown
    assert ACTIVE.search(rendered(shown)) is None
    assert HIDDEN.search(shown) is None
    assert set(re.findall(r"\[(\d+)\]", shown)) <= {"1"}
    _prompt_is_intact(model, poison)


@pytest.mark.parametrize("place", range(40))
async def test_a_quoted_passage_is_shown_but_not_rendered(
    poisoned: dict[bool, Services], place: int
) -> None:
    answer = await answer_to(QUESTION, poisoned[False], machine=machine(place))

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
