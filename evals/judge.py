"""Answers judged by a language model, through ragas 0.4.3: six metrics, each row on its own.

ragas gives 0 for some answers of a judge that make no sense (no claims, no verdicts), and NaN for
others. Here both, an error and a timeout are a ``Failure`` with its reason: a broken judge must
not look like a bad answer. Needs the environment of ``evals/requirements.txt``.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import math
import os
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

METRICS = (
    "faithfulness",
    "answer_relevancy",
    "context_precision",
    "context_recall",
    "factual_correctness",
    "noise_sensitivity",
)
# What a metric cannot be computed without.
_NEEDS = {
    "faithfulness": ("contexts",),
    "answer_relevancy": (),
    "context_precision": ("contexts", "reference"),
    "context_recall": ("contexts", "reference"),
    "factual_correctness": ("reference",),
    "noise_sensitivity": ("contexts", "reference"),
}
_MARKS = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]|\*\*|^> ?", re.MULTILINE)
Row = dict[str, Any]


class JudgeMissing(RuntimeError):
    """ragas is not installed, or the judge cannot be reached."""


class Nonsense(ValueError):
    """The judge answered in the right form, but what it says cannot be."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A metric that could not be judged, and why."""

    reason: str


class Judge:
    """ragas' metrics with one judging model. Use it within one event loop."""

    def __init__(self, chat: Any, embedder: Any = None, *, timeout_s: float = 600.0) -> None:
        ragas = _ragas()
        self._sample = ragas["SingleTurnSample"]
        self._timeout_s = timeout_s
        # A server that is down is known at once; the same prompt again would not mend it.
        config = ragas["RunConfig"](timeout=int(timeout_s), max_retries=1, max_wait=1)
        llm = ragas["LangchainLLMWrapper"](chat, run_config=config)
        embeddings = None
        if embedder is not None:
            embeddings = ragas["LangchainEmbeddingsWrapper"](embedder, run_config=config)
        self.metrics = {
            name: _strict(metric)
            for name, metric in _metrics(ragas, llm, embeddings).items()
            if name != "answer_relevancy" or embedder is not None
        }
        self._languages = getattr(embedder, "languages", None)

    def applies(self, metric: str, row: Row) -> bool:
        """Whether ``row`` has what the metric needs: an answer, its passages, a reference."""
        if metric not in self.metrics or not row["answerable"] or not row.get("text"):
            return False
        if row.get("mode") == "refusal" or row.get("failure"):
            return False
        # Similar questions are told apart by our embedder: only in languages that it covers.
        if metric == "answer_relevancy" and self._languages is not None:
            return row["language"] in self._languages
        return all(row.get(needed) for needed in _NEEDS[metric])

    async def score(self, metric: str, row: Row) -> float | Failure:
        """0 to 1, or why there is no score. Never raises because of the judge."""
        sample = self._sample(
            user_input=row["question"],
            response=spoken(row["text"]),
            retrieved_contexts=list(row.get("contexts") or []),
            reference=row.get("reference") or "",
        )
        try:
            value = await self.metrics[metric].single_turn_ascore(sample, timeout=self._timeout_s)
        except asyncio.CancelledError:
            raise
        except TimeoutError:
            return Failure(f"no verdict within {self._timeout_s:g} s")
        except Exception as error:  # ragas lets errors of many libraries through
            return Failure(f"{type(error).__name__}: {error}"[:300])
        number = float(value)
        if math.isnan(number) or not -0.001 <= number <= 1.001:
            return Failure(f"ragas returned {value}")
        return number


def judging_model(*, model: str, url: str, api: str, num_ctx: int, timeout_s: float = 600.0) -> Any:
    """The chat model of the judge: an Ollama server, or an OpenAI-compatible endpoint.

    The key of the endpoint is read from ``OPENAI_API_KEY``.
    """
    if api == "openai":
        try:
            from langchain_openai import ChatOpenAI
        except ImportError as error:
            raise JudgeMissing(_HINT) from error
        key = os.environ.get("OPENAI_API_KEY", "none")
        return ChatOpenAI(
            model=model,
            base_url=url,
            api_key=key,
            temperature=0.0,
            timeout=timeout_s,
            max_retries=1,
        )
    from langchain_ollama import ChatOllama

    return ChatOllama(
        model=model,
        base_url=url,
        num_ctx=num_ctx,
        temperature=0.0,
        reasoning=False,
        client_kwargs={"timeout": timeout_s},
    )


def spoken(text: str) -> str:
    """The answer without citation marks and Markdown, which a judge takes for statements."""
    return _MARKS.sub("", text).strip()


_HINT = "judging needs ragas: make .venv-evals/.evaluates, then .venv-evals/bin/python -m evals.run"


def _ragas() -> dict[str, Any]:
    """What is used of ragas. Raises ``JudgeMissing``."""
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # nothing leaves the machine
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from ragas import RunConfig, SingleTurnSample
            from ragas.embeddings import LangchainEmbeddingsWrapper
            from ragas.llms import LangchainLLMWrapper
            from ragas.metrics import (
                FactualCorrectness,
                Faithfulness,
                LLMContextPrecisionWithReference,
                LLMContextRecall,
                NoiseSensitivity,
                ResponseRelevancy,
            )
        except ImportError as error:
            raise JudgeMissing(_HINT) from error
    logging.getLogger("ragas").setLevel(logging.CRITICAL)  # failures are counted, not logged
    return {
        "RunConfig": RunConfig,
        "SingleTurnSample": SingleTurnSample,
        "faithfulness": Faithfulness,
        "answer_relevancy": ResponseRelevancy,
        "context_precision": LLMContextPrecisionWithReference,
        "context_recall": LLMContextRecall,
        "factual_correctness": FactualCorrectness,
        "noise_sensitivity": NoiseSensitivity,
        "LangchainEmbeddingsWrapper": _quietly(LangchainEmbeddingsWrapper),
        "LangchainLLMWrapper": _quietly(LangchainLLMWrapper),
    }


def _quietly(make: Callable[..., Any]) -> Callable[..., Any]:
    """ragas announces for each wrapper that another one will come."""

    def made(*arguments: Any, **named: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return make(*arguments, **named)

    return made


def _metrics(ragas: dict[str, Any], llm: Any, embeddings: Any) -> dict[str, Any]:
    named = {"answer_relevancy": {"embeddings": embeddings}}
    return {name: ragas[name](llm=llm, **named.get(name, {})) for name in METRICS}


# --- what a verdict must look like ---------------------------------------------------------------

Check = Callable[[Any, Any], None]


def _strict(metric: Any) -> Any:
    """The metric with prompts that refuse what makes no sense, instead of scoring it."""
    for name, check in _CHECKS.items():
        prompt = getattr(metric, name, None)
        if prompt is None:
            continue
        own = copy.copy(prompt)  # ragas shares some prompts between metrics
        own.process_output = _checked(check)
        setattr(metric, name, own)
    return metric


def _checked(check: Check) -> Callable[[Any, Any], Any]:
    def process_output(output: Any, given: Any) -> Any:
        check(output, given)
        return output

    return process_output


def _some(field: str) -> Check:
    def check(output: Any, given: Any) -> None:
        if not [text for text in getattr(output, field) if text.strip()]:
            raise Nonsense(f"the judge found no {field}")

    return check


def _verdicts(output: Any, given: Any) -> None:
    if len(output.statements) != len(given.statements):
        said, asked = len(output.statements), len(given.statements)
        raise Nonsense(f"{said} verdicts on {asked} statements")
    _binary([each.verdict for each in output.statements])


def _verification(output: Any, given: Any) -> None:
    _binary([output.verdict])


def _classifications(output: Any, given: Any) -> None:
    if not output.classifications:
        raise Nonsense("the judge classified nothing")
    _binary([each.attributed for each in output.classifications])


def _question(output: Any, given: Any) -> None:
    if not output.question.strip():
        raise Nonsense("the judge asked no question")
    _binary([output.noncommittal])


def _binary(values: Sequence[int]) -> None:
    wrong = [value for value in values if value not in (0, 1)]
    if wrong:
        raise Nonsense(f"verdicts are 0 or 1, not {wrong[0]}")


_CHECKS: dict[str, Check] = {
    "statement_generator_prompt": _some("statements"),
    "claim_decomposition_prompt": _some("claims"),
    "nli_statements_prompt": _verdicts,
    "nli_prompt": _verdicts,
    "context_precision_prompt": _verification,
    "context_recall_prompt": _classifications,
    "question_generation": _question,
}
