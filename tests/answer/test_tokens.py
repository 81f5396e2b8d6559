"""Token counts: careful at first, closer with every report, never too low for the window."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer.budget import Fitted, fit
from rag.answer.prompt import load_prompt
from rag.answer.tokens import MESSAGE_TOKENS, Meter, estimate_tokens, forget_learned, meter_of
from rag.services import Services
from tests.answer.conftest import answer_to
from tests.answer.small_library import chunk, compressor, load, manual, press
from tests.models.test_sentencepiece import write_model
from tests.stand_in.ollama import OllamaStandIn, Reply

QUESTION = "Wie wechsle ich das Kompressorenöl am SK 37?"
TEXT = "Das Anzugsdrehmoment der Schraube beträgt 45 Nm. " * 20
CHUNKS = [*compressor()[1], *press()[1]]


class Server:
    """What a model's server counts: ``letters`` per token; with ``caching`` it does not count a
    beginning that the prompt before had, too."""

    def __init__(self, letters: int, digits: int, *, caching: bool) -> None:
        self._token = re.compile(rf"\d{{1,{digits}}}|[^\W\d]{{1,{letters}}}|[^\w\s]|\n")
        self._caching = caching
        self._last: list[str] = []

    def tokens(self, texts: list[str]) -> list[str]:
        template = ["<s>"] * 4
        return [token for text in texts for token in [*template, *self._token.findall(text)]]

    def report(self, texts: list[str]) -> int:
        sent, last = self.tokens(texts), self._last
        self._last = sent
        if not self._caching:
            return len(sent)
        same = next((n for n, (a, b) in enumerate(zip(sent, last, strict=False)) if a != b), 0)
        return len(sent) - (len(sent) if sent == last else same)


def _fitted(meter: Meter, number: int, num_ctx: int) -> Fitted | None:
    chosen = random.Random(number).sample(CHUNKS, 6)
    return fit(
        load_prompt("answer", "de"),
        f"Frage {number}: {chosen[0].text[:40]}?",
        notices=(),
        passages=chosen,
        history=(),
        language="de",
        num_ctx=num_ctx,
        answer_tokens=400,
        meter=meter,
        shorten=lambda one, characters: one.text[:characters],
    )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    letters=st.integers(4, 9),
    digits=st.integers(1, 3),
    caching=st.booleans(),
    num_ctx=st.sampled_from([512, 1024, 2048]),
    seed=st.integers(0, 1000),
)
def test_nothing_overflows_whatever_the_servers_tokenizer_is(
    letters: int, digits: int, caching: bool, num_ctx: int, seed: int
) -> None:
    server, meter = Server(letters, digits, caching=caching), Meter()
    for number in range(12):
        fitted = _fitted(meter, seed + number // 2, num_ctx)  # every question is asked twice
        if fitted is None:  # the rules alone do not fit: nothing is sent
            continue
        true = len(server.tokens(fitted.texts))
        assert true + fitted.reserve <= num_ctx
        reported = server.report(fitted.texts)
        if reported:  # the door does not compare what the server does not say
            meter.compare(fitted.texts, planned=fitted.tokens, reported=reported, num_ctx=num_ctx)
    highest = max((each.reported / each.counted for each in meter.reports), default=0.0)
    assert highest <= meter.ratio <= max(Meter().ratio, 1.13 * highest)


async def test_after_a_few_answers_more_passages_fit(
    open_services: Callable[..., Services], ollama: OllamaStandIn
) -> None:
    services = open_services(ollama_base_url=ollama.url, num_ctx=1024)
    of = manual("Lang", "de")
    load(services, of, [_passage(of, page) for page in range(6, 12)])
    sent = []
    for number in range(8):
        question = f"Was ist am Schneckengetriebe bei Schritt {number // 2} zu prüfen?"
        await answer_to(question, services, machine="Lang")
        request = ollama.history[-1]
        assert request.full_tokens + request.options["num_predict"] <= 1024
        sent.append(request.full_tokens)
    assert sent[-1] > 1.1 * sent[0]


def test_a_cached_beginning_never_lowers_the_count_too_far() -> None:
    """A server that leaves cached tokens out reports a fifth of the prompt; it is not a fifth."""
    server, meter = Server(5, 1, caching=True), Meter()
    for number in range(10):
        texts = [TEXT * 3, f"Frage {number}: Und dann?"]
        meter.compare(texts, planned=5000, reported=server.report(texts), num_ctx=8192)
    assert meter.tokens(TEXT) >= len(server.tokens([TEXT])) - 4


def test_too_low_a_count_is_corrected_at_once() -> None:
    meter = Meter()
    before = meter.tokens(TEXT)
    meter.compare([TEXT], planned=before, reported=2 * before, num_ctx=8192)
    assert meter.tokens(TEXT) >= 2 * estimate_tokens(TEXT)


def test_a_prompt_that_the_server_cut_teaches_nothing(caplog: pytest.LogCaptureFixture) -> None:
    meter = Meter()
    with caplog.at_level(logging.WARNING, "rag.answer.tokens"):
        for number in range(5):
            text = f"{number} {TEXT * 3}"
            assert meter.compare([text], planned=2000, reported=130, num_ctx=256)
    assert len(caplog.records) == 5
    assert meter.tokens(TEXT) > estimate_tokens(TEXT)


async def test_a_report_that_agrees_is_no_warning(
    writing: Services, ollama: OllamaStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    ollama.enqueue(Reply("Die Anlage ausschalten [1]."))
    with caplog.at_level(logging.WARNING, "rag.answer.tokens"):
        answer = await answer_to(QUESTION, writing)
    stage = next(stage for stage in answer.stages if stage.name == "generate")
    assert stage.attributes["prompt_tokens_mismatch"] is False
    assert caplog.records == []


async def test_what_was_learned_outlives_a_restart(
    open_services: Callable[..., Services], ollama: OllamaStandIn
) -> None:
    services = open_services(ollama_base_url=ollama.url)
    for number in range(4):
        await answer_to(f"Wie wechsle ich Ölfilter {number}?", services)
    meter = meter_of(services.settings, services.library)
    again = open_services(ollama_base_url=ollama.url)
    place = "tokens of mistral, estimated"
    again.library.state_set(place, services.library.state_get(place) or "")
    assert meter_of(again.settings, again.library).ratio == meter.ratio < Meter().ratio

    forget_learned(again.settings, again.library)
    assert meter_of(again.settings, again.library).ratio == Meter().ratio


def test_a_tokenizer_is_trusted_once_the_server_agrees(
    open_services: Callable[..., Services], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_model(tmp_path_factory.mktemp("tokenizer") / "tokenizer.model")
    services = open_services(tokenizer_file=str(path))
    meter = meter_of(services.settings, services.library)
    assert meter.exact
    counted = meter.count(TEXT)
    assert meter.tokens(TEXT) > counted

    meter.compare([TEXT], planned=9000, reported=counted + MESSAGE_TOKENS, num_ctx=9000)

    assert counted <= meter.tokens(TEXT) <= 1.03 * counted


def test_the_estimate_grows_with_the_text() -> None:
    lengths = [estimate_tokens(TEXT[:end]) for end in range(0, len(TEXT), 97)]
    assert lengths[0] == 0
    assert all(one < other for one, other in pairwise(lengths))


def _passage(of: object, page: int) -> object:
    text = f"Schneckengetriebe, Schritt {page}: Das Getriebe wird alle {page}00 h geprüft. "
    text += " ".join(f"Schritt {n} prüft Lager {n}." for n in range(page, page + 24))
    return chunk(of, text, page=page, heading=("4 Schmierung",))  # type: ignore[arg-type]
