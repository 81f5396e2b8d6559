"""The log: one line for each record, to stderr, and nothing in it that tells who asked what."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar

from rag.settings import Settings

# At DEBUG these print SQL values, prompts, addresses of callers or whole messages.
_TALKATIVE = (
    "aiosqlite alembic asyncio chainlit engineio httpcore httpx langchain langsmith mlflow ollama "
    "openai pdfminer pdfplumber PIL python_multipart qdrant_client socketio sqlalchemy urllib3 "
    "uvicorn.access watchfiles"
).split()
_OURS = ("rag", "chainlit_app", "evals")
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"

# What a record belongs to: ids that mean nothing outside, never a name or a question.
_THREAD: ContextVar[str] = ContextVar("log_thread", default="")
_TRACE: ContextVar[str] = ContextVar("log_trace", default="")
_SOURCES: dict[str, Callable[[], str | None]] = {"thread": _THREAD.get, "trace": _TRACE.get}


def set_up_logs(settings: Settings) -> None:
    """Send all records to stderr: ours from ``settings.log_level``, others' from WARNING.

    May be called again; takes the place of whatever was set up before.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneObject() if settings.log_format == "json" else OneLine(_LINE))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    set_level(settings.log_level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def set_level(level: str) -> None:
    """How much our own parts say from now on."""
    for name in _OURS:
        logging.getLogger(name).setLevel(level)


def level() -> str:
    """How much our own parts say now."""
    return logging.getLevelName(logging.getLogger(_OURS[0]).level)


def toggle_debug() -> None:
    """DEBUG, or back to INFO: what SIGUSR1 does."""
    set_level("INFO" if level() == "DEBUG" else "DEBUG")
    logging.getLogger(__name__).warning("the log says %s and more from now on", level())


def belongs_to(*, thread: str | None = None, trace: str | None = None) -> None:
    """Name the conversation or the answer that further records of this task are about."""
    if thread is not None:
        _THREAD.set(thread)
    if trace is not None:
        _TRACE.set(trace)


def add_source(name: str, current: Callable[[], str | None]) -> None:
    """Put ``current()`` into every JSON record under ``name``: the request's id, of the doors."""
    _SOURCES[name] = current


class OneLine(logging.Formatter):
    """Times in UTC to the millisecond; line breaks, also of tracebacks, become `` ⏎ ``.

    A question with a line break in it can so never look like a record of its own.
    """

    converter = time.gmtime  # type: ignore[assignment]  # called without arguments, too
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return " ⏎ ".join(line for line in super().format(record).splitlines() if line.strip())


class OneObject(OneLine):
    """The same as one JSON object a line, with the ids of what the record is about."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= {name: value for name, of in _SOURCES.items() if (value := of())}
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)
