"""The language model, through ChatOllama: streaming, what can go wrong, and whether it is there.

Every failure becomes a ``LanguageModelDown`` that says in the user's language what happened and
what to do; the server's own words go to the log only. This file knows one server; which one is
asked, and whether again, is decided in ``generate``.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from rag.errors import LanguageModelDown
from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_ollama import ChatOllama
    from ollama import AsyncClient

logger = logging.getLogger(__name__)

# Loading a model takes up to a minute; on a shop floor questions come minutes apart.
KEEP_ALIVE = "30m"
# Stands for "no server is set up": the discard port, where nobody answers.
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Usage:
    """The last item of a stream. ``prompt_tokens`` is 0 when the server did not say."""

    prompt_tokens: int
    answer_tokens: int
    done_reason: str


@dataclass(frozen=True, slots=True)
class LanguageModelState:
    """Whether answers can be generated. ``models`` are the names that the server has.

    "failing": it is there, but its last generations failed; "off": none is set up.
    """

    available: bool
    reason: Literal["ok", "unreachable", "model_missing", "failing", "off"]
    model: str
    digest: str = ""
    models: tuple[str, ...] = ()


def chat_model(settings: Settings) -> ChatOllama:
    """The chat model of the first host; contacts nothing. Takes 75 ms to build and is bound to one
    event loop."""
    from langchain_ollama import ChatOllama

    return ChatOllama(
        model=settings.ollama_model,
        base_url=(urls_of(settings) or [NOWHERE])[0],
        num_ctx=settings.num_ctx,
        num_predict=settings.answer_tokens,
        temperature=settings.temperature,
        keep_alive=KEEP_ALIVE,
        reasoning=False,  # a thinking model's thoughts are no part of the answer
        # How long a piece may take is measured in ``stream``: the first one takes longest.
        client_kwargs=_connection(
            settings, max(settings.ollama_first_token_timeout_s, settings.ollama_timeout_s) + 1
        ),
    )


def urls_of(settings: Settings) -> list[str]:
    """The Ollama servers of ``OLLAMA_BASE_URL``, without repetitions; none when it is empty."""
    urls = (url.strip().rstrip("/") for url in settings.ollama_base_url.split(","))
    return list(dict.fromkeys(url for url in urls if url))


async def close_chat(chat: ChatOllama) -> None:
    """Give back the connections that ``chat`` keeps open to the server."""
    if chat._async_client is not None:
        await chat._async_client.close()  # type: ignore[no-untyped-call]
    if chat._client is not None:
        chat._client.close()  # type: ignore[no-untyped-call]


async def stream(
    chat: ChatOllama,
    messages: Sequence[BaseMessage],
    *,
    first_s: float | None = None,
    silence_s: float | None = None,
) -> AsyncIterator[str | Usage]:
    """The answer in pieces, then one ``Usage``. Closing it stops the server's generation.

    The first piece may take ``first_s`` seconds (a model may have to be loaded), each further one
    ``silence_s``. Raises ``LanguageModelDown`` when the model cannot be had or stops in the middle;
    what was yielded before stands.
    """
    usage: Usage | None = None
    limit_s = first_s
    try:
        async with aclosing(chat.astream(list(messages))) as chunks:  # type: ignore[type-var]
            while True:
                async with asyncio.timeout(limit_s):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    break
                limit_s = silence_s
                if chunk.content:
                    yield str(chunk.content)
                reason = chunk.response_metadata.get("done_reason")
                if reason:
                    usage = Usage(
                        prompt_tokens=int(chunk.response_metadata.get("prompt_eval_count") or 0),
                        answer_tokens=int(chunk.response_metadata.get("eval_count") or 0),
                        done_reason=str(reason),
                    )
    except Exception as error:
        failure = as_down(error, chat.model)
        if failure is None:
            raise
        logger.warning("language model: %s (%s: %s)", failure.key, type(error).__name__, error)
        raise failure from error
    if usage is None:
        # A server that is stopped ends its response cleanly: only the last line is missing.
        logger.warning("language model: the stream ended without done_reason")
        raise LanguageModelDown("error.llm_stopped", retryable=True)
    yield usage


async def probe(settings: Settings) -> LanguageModelState:
    """Ask the first host for its models; never raises, takes the connect limit at most twice."""
    model = settings.ollama_model
    if not urls_of(settings):
        return LanguageModelState(False, "off", model)
    client = client_of(settings, settings.ollama_connect_timeout_s)
    try:
        async with client:
            found = {each.model or "": each.digest or "" for each in (await client.list()).models}
    except Exception as error:
        if as_down(error, model) is None:
            raise
        logger.debug("language model: %s", error)
        return LanguageModelState(False, "unreachable", model)
    full = full_name(model)
    for name, digest in found.items():
        if full_name(name) == full:
            return LanguageModelState(True, "ok", model, digest, tuple(found))
    return LanguageModelState(False, "model_missing", model, models=tuple(found))


def client_of(settings: Settings, silence_s: float) -> AsyncClient:
    """Ollama's own client for the first host; every answer may pause for ``silence_s``."""
    from ollama import AsyncClient

    return AsyncClient(urls_of(settings)[0], **_connection(settings, silence_s))


def full_name(model: str) -> str:
    """As the server compares names: without a tag, "latest" is meant."""
    return model if ":" in model.rsplit("/", 1)[-1] else f"{model}:latest"


def as_down(error: Exception, model: str) -> LanguageModelDown | None:
    """What a failure of the client means; ``None``: not the language model's doing."""
    from ollama import ResponseError

    if isinstance(error, ResponseError):
        if error.status_code == 404:
            return LanguageModelDown("error.llm_model_missing", model=model)
        if error.status_code in (429, 503):
            return LanguageModelDown("error.llm_busy", retryable=True)
        if error.status_code == -1:  # an error line in a stream that had begun
            return LanguageModelDown("error.llm_stopped", retryable=True)
        return LanguageModelDown(
            "error.llm_failed", retryable=error.status_code >= 500, status=str(error.status_code)
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | ConnectionError):
        return LanguageModelDown("error.llm_unreachable", retryable=True)
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return LanguageModelDown("error.llm_timed_out", retryable=True)
    if isinstance(error, httpx.HTTPError | httpx.StreamError):
        return LanguageModelDown("error.llm_stopped", retryable=True)
    if isinstance(error, json.JSONDecodeError | ValidationError):  # a line of another form
        return LanguageModelDown("error.llm_stopped", retryable=True)
    return None


def _connection(settings: Settings, silence_s: float) -> dict[str, Any]:
    """Arguments for httpx: its time limits, one shared TLS context, no proxy for this machine."""
    return {
        "timeout": httpx.Timeout(silence_s, connect=settings.ollama_connect_timeout_s),
        "verify": _tls(),
        "trust_env": not all(map(_on_this_machine, urls_of(settings))),
    }


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificate authorities takes 20 ms and some MB, and would be done thrice."""
    return ssl.create_default_context()


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url if "//" in url else f"//{url}").hostname or "localhost"
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
