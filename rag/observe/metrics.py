"""What is counted and timed, in Prometheus's terms. No label ever holds what somebody typed.

The figures of events grow here; the state of the moment (jobs, disk, memory, who is there) is put
in by ``rag.api.gauges`` when somebody asks for ``/metrics``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import wraps
from typing import ParamSpec

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.observe.quiet import FIRST_WORDS
from rag.types import Answer, Done, Event, Failed, Stage, Status, Token

logger = logging.getLogger(__name__)
Arguments = ParamSpec("Arguments")

_STEPS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_WAITS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 60)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

QUESTIONS = Counter(
    "millwright_questions", "Questions by how they ended.", ["outcome"], registry=REGISTRY
)
RUNNING = Gauge("millwright_questions_running", "Questions being answered now.", registry=REGISTRY)
ANSWERS = Counter(
    "millwright_answers", "Finished answers.", ["mode", "language"], registry=REGISTRY
)
REFUSALS = Counter(
    "millwright_refusals", "Honest refusals by reason.", ["reason"], registry=REGISTRY
)
FAILURES = Counter(
    "millwright_failures", "Questions that failed, by message.", ["reason"], registry=REGISTRY
)
CHECKS = Counter(
    "millwright_checks", "Values and citations checked.", ["kind", "status"], registry=REGISTRY
)
FIRST_TOKEN = Histogram(
    "millwright_first_token_seconds",
    "From the question to the first word of its answer.",
    ["mode"],
    buckets=_WAITS_S,
    registry=REGISTRY,
)
ANSWER = Histogram(
    "millwright_answer_seconds",
    "From the question to the end of its answer.",
    ["mode"],
    buckets=_WAITS_S,
    registry=REGISTRY,
)
STAGE = Histogram(
    "millwright_stage_seconds",
    "Time in one stage of an answer.",
    ["stage"],
    buckets=_STEPS_S,
    registry=REGISTRY,
)
TOKENS = Counter(
    "millwright_tokens", "Tokens read and written by the language model.", ["kind"],
    registry=REGISTRY,
)  # fmt: skip
MISCOUNTED = Counter(
    "millwright_prompts_miscounted",
    "Prompts whose tokens Ollama counted otherwise than planned: perhaps cut by it.",
    registry=REGISTRY,
)
CACHE = Counter(
    "millwright_cache_lookups", "Look-ups in a cache.", ["cache", "result"], registry=REGISTRY
)
RATINGS = Counter("millwright_ratings", "Ratings given.", ["value"], registry=REGISTRY)
LOGINS = Counter("millwright_logins", "Log-ins by result.", ["result"], registry=REGISTRY)
MANUALS_READ = Counter(
    "millwright_manuals_read", "Manuals by how reading them ended.", ["outcome"], registry=REGISTRY
)
REQUESTS = Counter(
    "millwright_http_requests", "HTTP requests.", ["method", "route", "status"], registry=REGISTRY
)
REQUEST = Histogram(
    "millwright_http_request_seconds",
    "From a request to the end of its answer.",
    ["route"],
    buckets=_WAITS_S,
    registry=REGISTRY,
)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def lookups_of(cache: str) -> Callable[[bool], None]:
    """Counts the look-ups in the cache of that name, by whether something was found."""
    hits, misses = CACHE.labels(cache, "hit"), CACHE.labels(cache, "miss")
    return lambda found: (hits if found else misses).inc()


def measured(
    ask: Callable[Arguments, AsyncIterator[Event]],
) -> Callable[Arguments, AsyncIterator[Event]]:
    """``ask``, with every event of it counted; also when whoever asked leaves early."""

    @wraps(ask)
    async def counted(
        *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> AsyncIterator[Event]:
        watch = _Watch()
        RUNNING.inc()
        try:
            async with aclosing(ask(*arguments, **named)) as events:  # type: ignore[type-var]
                async for event in events:
                    watch.see(event)
                    yield event
        finally:
            watch.is_told()
            RUNNING.dec()
            QUESTIONS.labels(watch.outcome).inc()
            logger.info("question %s after %.0f ms", watch.outcome, watch.ms)

    return counted


class _Watch:
    """The times of one question."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._first_s: float | None = None
        self.outcome = "stopped"
        self._waits = True
        FIRST_WORDS.begin()

    def is_told(self) -> None:
        """Whoever asked has something to read, or is gone."""
        if self._waits:
            self._waits = False
            FIRST_WORDS.end()

    @property
    def ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000

    def see(self, event: Event) -> None:
        if isinstance(event, Status) and event.stage is not None:
            _count_stage(event.stage)
        elif isinstance(event, Token) and self._first_s is None:
            self._first_s = time.perf_counter() - self._started
            self.is_told()
        elif isinstance(event, Failed):
            self.outcome = "failed"
            FAILURES.labels(event.key).inc()
        elif isinstance(event, Done):
            self.outcome = "refused" if event.answer.mode == "refusal" else "answered"
            _count_answer(event.answer)
            ANSWER.labels(event.answer.mode).observe(time.perf_counter() - self._started)
            if self._first_s is not None:
                FIRST_TOKEN.labels(event.answer.mode).observe(self._first_s)


def _count_stage(stage: Stage) -> None:
    STAGE.labels(stage.name).observe(stage.ms / 1000)
    for kind in ("prompt", "answer"):
        if tokens := stage.attributes.get(f"{kind}_tokens"):
            TOKENS.labels(kind).inc(int(tokens))
    if stage.attributes.get("prompt_tokens_mismatch"):
        MISCOUNTED.inc()


def _count_answer(answer: Answer) -> None:
    ANSWERS.labels(answer.mode, answer.language).inc()
    if answer.mode == "refusal":
        REFUSALS.labels(answer.reason).inc()
    for check in answer.checks:
        CHECKS.labels(check.kind, check.status).inc()


class CountRequests:
    """Counts requests by the pattern of their route, never by the address itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500  # what the server answers when nothing was sent

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self.app(scope, receive, send_noted)
        finally:
            path = getattr(scope.get("route"), "path", None)
            route = "other" if path is None else scope.get("root_path", "") + path
            method = scope["method"] if scope["method"] in _METHODS else "other"
            REQUESTS.labels(method, route, str(status)).inc()
            REQUEST.labels(route).observe(time.perf_counter() - started)
