"""The log: one line for each record, to stderr, and nothing in it that tells who asked what."""

from __future__ import annotations

import logging
import sys
import time

from rag.settings import Settings

# At DEBUG these print SQL values, prompts, addresses of callers or whole messages.
_TALKATIVE = (
    "aiosqlite alembic asyncio chainlit engineio httpcore httpx langchain langsmith mlflow ollama "
    "openai pdfminer pdfplumber PIL python_multipart qdrant_client socketio sqlalchemy urllib3 "
    "uvicorn.access watchfiles"
).split()
_OURS = ("rag", "chainlit_app", "evals")


def set_up_logs(settings: Settings) -> None:
    """Send all records to stderr: ours from ``settings.log_level``, others' from WARNING.

    May be called again; takes the place of whatever was set up before.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


class OneLine(logging.Formatter):
    """Times in UTC to the millisecond; line breaks, also of tracebacks, become `` ⏎ ``.

    A question with a line break in it can so never look like a record of its own.
    """

    converter = time.gmtime  # type: ignore[assignment]  # called without arguments, too
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return " ⏎ ".join(line for line in super().format(record).splitlines() if line.strip())
