"""ragas' scores on constructed cases equal those worked out by hand; a broken judge is no score."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from evals.judge import Failure, Judge, judging_model, spoken
from tests.evals_judged.scripted_judge import ScriptedJudge
from tests.stand_in.ollama import Failure as ServerFailure
from tests.stand_in.ollama import OllamaStandIn


class Directions:
    """Embeddings by hand: the first letter behind "about " says which way a text points."""

    languages = frozenset({"en"})
    _VECTORS: ClassVar = {"A": [1.0, 0.0], "B": [0.0, 1.0], "C": [0.6, 0.8], "U": [1.0, 0.0]}

    def embed_query(self, text: str) -> list[float]:
        return self._VECTORS[text.removeprefix("about ")[0]]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


def row(text: str, contexts: list[str], reference: str, question: str = "A?") -> dict[str, Any]:
    return {
        "question": question,
        "text": text,
        "contexts": contexts,
        "reference": reference,
        "language": "en",
        "answerable": True,
        "mode": "llm",
    }


@pytest.fixture
def judge(judging_server: OllamaStandIn) -> Judge:
    chat = judging_model(model="judge", url=judging_server.url, api="ollama", num_ctx=8192)
    return Judge(chat, Directions(), timeout_s=20)


# (answer, contexts, reference, score)
FAITHFULNESS = [
    ("A.", ["A."], "", 1.0),
    ("A.", ["B."], "", 0.0),
    ("A. B.", ["A."], "", 0.5),
    ("A. B.", ["A.", "B."], "", 1.0),
    ("A. B. C.", ["A. B."], "", 2 / 3),
    ("A. B. C.", ["C."], "", 1 / 3),
    ("A. B. C. D.", ["A. B. C."], "", 0.75),
    ("A. B. C. D.", ["A.", "X.", "D."], "", 0.5),
    ("A. B. C. D. E.", ["E."], "", 0.2),
    ("A. B. C. D. E.", ["A. B.", "C. D."], "", 0.8),
    ("A. B. C. D. E.", ["X."], "", 0.0),
    ("A [1]. B [2].", ["A. B."], "", 1.0),  # citation marks are no part of a statement
]
CONTEXT_RECALL = [
    ("x", ["A."], "A.", 1.0),
    ("x", ["B."], "A.", 0.0),
    ("x", ["A."], "A. B.", 0.5),
    ("x", ["A.", "B."], "A. B.", 1.0),
    ("x", ["B."], "A. B. C.", 1 / 3),
    ("x", ["A. B."], "A. B. C.", 2 / 3),
    ("x", ["A.", "X.", "C."], "A. B. C.", 2 / 3),
    ("x", ["A. B. C."], "A. B. C. D.", 0.75),
    ("x", ["D."], "A. B. C. D.", 0.25),
    ("x", ["A. C."], "A. B. C. D.", 0.5),
    ("x", ["X."], "A. B. C. D.", 0.0),
    ("x", ["A. B. C. D. E."], "A. B. C. D. E.", 1.0),
]
# Average precision: the mean of precision@k over the ranks k of useful contexts.
CONTEXT_PRECISION = [
    ("x", ["A."], "A.", 1.0),
    ("x", ["X."], "A.", 0.0),
    ("x", ["A.", "X."], "A.", 1.0),
    ("x", ["X.", "A."], "A.", 1 / 2),
    ("x", ["X.", "Y.", "A."], "A.", 1 / 3),
    ("x", ["A.", "B."], "A. B.", 1.0),
    ("x", ["A.", "X.", "B."], "A. B.", (1 + 2 / 3) / 2),
    ("x", ["X.", "A.", "B."], "A. B.", (1 / 2 + 2 / 3) / 2),
    ("x", ["X.", "A.", "Y.", "B."], "A. B.", (1 / 2 + 2 / 4) / 2),
    ("x", ["X.", "Y.", "Z.", "A."], "A.", 1 / 4),
    ("x", ["A.", "B.", "C."], "A. B. C.", 1.0),
    ("x", ["X.", "Y."], "A. B.", 0.0),
]
# F1 of the answer's claims that the reference holds and the reference's that the answer holds;
# ragas rounds to two places.
FACTUAL_CORRECTNESS = [
    ("A.", [], "A.", 1.0),
    ("B.", [], "A.", 0.0),
    ("A. B.", [], "A.", 0.67),  # precision 1/2, recall 1
    ("A.", [], "A. B.", 0.67),  # precision 1, recall 1/2
    ("A. B.", [], "A. B.", 1.0),
    ("A. X.", [], "A. B.", 0.5),
    ("A. X. Y.", [], "A. B. C.", 0.33),
    ("A. B. X.", [], "A. B. C.", 0.67),
    ("A. B. C. X.", [], "A.", 0.4),  # 1/4 and 1
    ("A.", [], "A. B. C. D.", 0.4),
    ("A. B. C.", [], "A. B. C. D.", 0.86),  # 1 and 3/4
    ("X. Y.", [], "A. B.", 0.0),
]
# The share of the answer's statements that are wrong although a relevant context says them; a
# context is relevant when it holds a statement of the reference.
NOISE_SENSITIVITY = [
    ("A.", ["A."], "A.", 0.0),
    ("X.", ["A. X."], "A.", 1.0),
    ("X.", ["X."], "A.", 0.0),  # the wrong statement comes from an irrelevant context
    ("A. X.", ["A. X."], "A.", 0.5),
    ("A. X.", ["A.", "X."], "A.", 0.0),
    ("A. X. Y.", ["A. X. Y."], "A.", 2 / 3),
    ("A. X. Y.", ["A. X.", "Y."], "A.", 1 / 3),
    ("A. B. X.", ["A. B. X."], "A. B.", 1 / 3),
    ("X. Y.", ["A. X. Y."], "A.", 1.0),
    ("A. B. C. X.", ["A. X.", "B."], "A. B. C.", 0.25),
    ("A. B.", ["A. B."], "A. B.", 0.0),
    ("Z.", ["A. X."], "A.", 0.0),  # made up: that is faithfulness's matter
]
CASES = {
    "faithfulness": FAITHFULNESS,
    "context_recall": CONTEXT_RECALL,
    "context_precision": CONTEXT_PRECISION,
    "factual_correctness": FACTUAL_CORRECTNESS,
    "noise_sensitivity": NOISE_SENSITIVITY,
}


@pytest.mark.parametrize("metric", CASES)
async def test_scores_equal_those_by_hand(judge: Judge, metric: str) -> None:
    scores = [
        await judge.score(metric, row(answer, contexts, reference))
        for answer, contexts, reference, _ in CASES[metric]
    ]
    assert scores == pytest.approx([case[-1] for case in CASES[metric]], abs=1e-6)


# The cosine between the question and the one that the judge says was answered.
@pytest.mark.parametrize(
    ("question", "answer", "score"),
    [
        ("A?", "A.", 1.0),
        ("A?", "B.", 0.0),
        ("A?", "C.", 0.6),
        ("B?", "A.", 0.0),
        ("B?", "B.", 1.0),
        ("B?", "C.", 0.8),
        ("C?", "A.", 0.6),
        ("C?", "B.", 0.8),
        ("C?", "C.", 1.0),
        ("A?", "A. B.", 1.0),
        ("A?", "Unknown.", 0.0),  # noncommittal, whatever it is about
        ("C?", "Unknown.", 0.0),
    ],
)
async def test_answer_relevancy(judge: Judge, question: str, answer: str, score: float) -> None:
    asked = row(answer, ["A."], "A.", question)
    assert await judge.score("answer_relevancy", asked) == pytest.approx(score)


NONSENSE = [
    ("faithfulness", "StatementGeneratorOutput", '{"statements": []}'),
    ("faithfulness", "StatementGeneratorOutput", "I would rather not."),
    ("faithfulness", "NLIStatementOutput", '{"statements": []}'),
    (
        "faithfulness",
        "NLIStatementOutput",
        '{"statements": [{"statement": "A.", "reason": "", "verdict": 7}]}',
    ),
    ("factual_correctness", "ClaimDecompositionOutput", '{"claims": []}'),
    ("context_recall", "ContextRecallClassifications", '{"classifications": []}'),
    ("context_precision", "Verification", '{"reason": "", "verdict": 3}'),
    ("answer_relevancy", "ResponseRelevanceOutput", '{"question": "", "noncommittal": 0}'),
    ("noise_sensitivity", "NLIStatementOutput", '{"statements": []}'),
]


@pytest.mark.parametrize(("metric", "form", "said"), NONSENSE)
async def test_nonsense_is_a_failure_and_no_score(
    judge: Judge, scripted: ScriptedJudge, metric: str, form: str, said: str
) -> None:
    scripted.override[form] = lambda _: said
    scripted.override["StringIO"] = lambda _: "I would rather not."
    score = await judge.score(metric, row("A.", ["A."], "A."))
    assert isinstance(score, Failure) and score.reason


async def test_a_judge_that_dies_is_a_failure(judge: Judge, scripted: ScriptedJudge) -> None:
    scripted.override["NLIStatementOutput"] = lambda _: ServerFailure("drop", after=3)
    score = await judge.score("faithfulness", row("A.", ["A."], "A."))
    assert isinstance(score, Failure)
    del scripted.override["NLIStatementOutput"]
    assert await judge.score("faithfulness", row("A.", ["A."], "A.")) == 1.0


async def test_a_judge_that_hangs_is_a_failure(
    judging_server: OllamaStandIn, scripted: ScriptedJudge
) -> None:
    chat = judging_model(model="judge", url=judging_server.url, api="ollama", num_ctx=8192)
    impatient = Judge(chat, timeout_s=0.5)
    scripted.override["StatementGeneratorOutput"] = lambda _: ServerFailure("silent")
    score = await impatient.score("faithfulness", row("A.", ["A."], "A."))
    assert score == Failure("no verdict within 0.5 s")


async def test_a_verdict_wrapped_in_talk_is_understood(
    judge: Judge, scripted: ScriptedJudge
) -> None:
    verdict = '{"statements": [{"statement": "A.", "reason": "", "verdict": 1}]}'
    scripted.override["NLIStatementOutput"] = lambda _: f"Sure!\n```json\n{verdict}\n```"
    assert await judge.score("faithfulness", row("A.", ["A."], "A.")) == 1.0


def test_what_is_not_judged(judge: Judge) -> None:
    fine = row("A.", ["A."], "A.")
    assert all(judge.applies(metric, fine) for metric in judge.metrics)
    for change in ({"answerable": False}, {"mode": "refusal"}, {"text": ""}, {"failure": "x"}):
        assert not any(judge.applies(metric, fine | change) for metric in judge.metrics)
    assert not judge.applies("context_recall", fine | {"reference": ""})
    assert judge.applies("faithfulness", fine | {"reference": ""})
    assert not judge.applies("answer_relevancy", fine | {"language": "de"})


def test_marks_are_not_spoken() -> None:
    assert spoken("> **25 Nm** [1], *then* wait [2, 3].") == "25 Nm, *then* wait."
