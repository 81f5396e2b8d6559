"""``--judge-api openai``: the same scores over an OpenAI-compatible endpoint, the same honesty."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from evals.judge import Failure, Judge, judging_model
from evals.run.__main__ import main
from tests.evals.conftest import Material, material
from tests.evals_judged.openai_endpoint import KEY, OpenAIEndpoint
from tests.evals_judged.scripted_judge import ScriptedJudge
from tests.evals_judged.test_judge import CASES, NONSENSE, Directions, row
from tests.evals_judged.test_run_judged import one_question
from tests.stand_in.ollama import Failure as ServerFailure
from tests.stand_in.ollama import OllamaStandIn

__all__ = ["material", "one_question"]


@pytest.fixture
def endpoint(scripted: ScriptedJudge, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIEndpoint]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with OpenAIEndpoint(scripted) as server:
        yield server


def judge_at(endpoint: OpenAIEndpoint, *, timeout_s: float = 20) -> Judge:
    chat = judging_model(
        model="judge", url=endpoint.base_url, api="openai", num_ctx=8192, timeout_s=timeout_s
    )
    return Judge(chat, Directions(), timeout_s=timeout_s)


@pytest.mark.parametrize("metric", CASES)
async def test_scores_equal_those_by_hand(endpoint: OpenAIEndpoint, metric: str) -> None:
    judge = judge_at(endpoint)
    some = CASES[metric][::4]
    scores = [
        await judge.score(metric, row(answer, contexts, reference))
        for answer, contexts, reference, _ in some
    ]
    assert scores == pytest.approx([case[-1] for case in some], abs=1e-6)
    assert {body["model"] for body in endpoint.bodies} == {"judge"}
    assert {body["temperature"] for body in endpoint.bodies} <= {0.0, 0.01, 1e-8}


@pytest.mark.parametrize("most_choices", [8, 1])  # some endpoints give one answer only
async def test_answer_relevancy(endpoint: OpenAIEndpoint, most_choices: int) -> None:
    endpoint.most_choices = most_choices
    asked = row("C.", ["A."], "A.", "A?")
    assert await judge_at(endpoint).score("answer_relevancy", asked) == pytest.approx(0.6)


@pytest.mark.parametrize(("metric", "form", "said"), NONSENSE[::2])
async def test_nonsense_is_a_failure_and_no_score(
    endpoint: OpenAIEndpoint, scripted: ScriptedJudge, metric: str, form: str, said: str
) -> None:
    scripted.override[form] = lambda _: said
    scripted.override["StringIO"] = lambda _: "I would rather not."
    score = await judge_at(endpoint).score(metric, row("A.", ["A."], "A."))
    assert isinstance(score, Failure) and score.reason


@pytest.mark.parametrize(
    "failure",
    [
        ServerFailure("drop"),
        ServerFailure("garbage"),
        ServerFailure("cut"),  # an answer without choices
        ServerFailure("status", status=400, message="context length exceeded"),
        ServerFailure("status", status=500),
    ],
    ids=lambda failure: f"{failure.kind} {failure.status}",
)
async def test_a_failing_endpoint_is_a_failure_and_no_score(
    endpoint: OpenAIEndpoint, scripted: ScriptedJudge, failure: ServerFailure
) -> None:
    scripted.override["NLIStatementOutput"] = lambda _: failure
    judge = judge_at(endpoint)
    score = await judge.score("faithfulness", row("A.", ["A."], "A."))
    assert isinstance(score, Failure) and score.reason
    del scripted.override["NLIStatementOutput"]
    assert await judge.score("faithfulness", row("A.", ["A."], "A.")) == 1.0


async def test_an_endpoint_that_hangs_is_a_failure(
    endpoint: OpenAIEndpoint, scripted: ScriptedJudge
) -> None:
    scripted.override["StatementGeneratorOutput"] = lambda _: ServerFailure("silent")
    score = await judge_at(endpoint, timeout_s=0.5).score("faithfulness", row("A.", ["A."], "A."))
    assert isinstance(score, Failure)


async def test_a_wrong_key_is_a_failure(
    endpoint: OpenAIEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    score = await judge_at(endpoint).score("faithfulness", row("A.", ["A."], "A."))
    assert isinstance(score, Failure) and "API key" in score.reason
    assert endpoint.refused


def test_a_whole_run_is_judged_over_the_endpoint(
    one_question: Material, endpoint: OpenAIEndpoint, scripted: ScriptedJudge
) -> None:
    said = "Der Fehler E-101 bedeutet, dass der Öldruck zu niedrig ist [1]. Rufen Sie an."
    scripted.override["ContextRecallClassifications"] = lambda _: ServerFailure("garbage")
    path = one_question.data.parent / "report.json"
    with OllamaStandIn(answer=lambda _: said) as answering:
        arguments = [
            *("--llm", "ollama", "--ollama-url", answering.url, "--hyde", "never"),
            *("--judge", "judge", "--judge-api", "openai", "--judge-url", endpoint.base_url),
            *("--json", str(path)),
        ]
        assert main([*one_question.arguments, *arguments]) == 0
    (setting,) = json.loads(path.read_text(encoding="utf-8"))["settings"]
    assert setting["metrics"]["faithfulness"]["mean"] == 0.5
    assert setting["metrics"]["factual_correctness"]["mean"] == 0.5
    assert setting["failed_judgements"] == {"context_recall": 1}
    assert "context_recall" not in setting["metrics"]
