"""Traces and ratings on their way to MLflow, without ever making an answer wait.

``record`` hands the answer to a thread that writes our own rows; another thread copies what is in
them to MLflow, and goes on trying while MLflow is away. Nothing here raises because of MLflow.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from rag.observe.ledger import WITHDRAWN, Ledger
from rag.observe.metrics import RATINGS
from rag.observe.trace import trace_of
from rag.settings import Settings
from rag.types import Answer

if TYPE_CHECKING:
    from rag.observe.mlflow_client import MlflowClient

logger = logging.getLogger(__name__)
_MAX_QUEUED = 500  # answers in memory; only a disk that hangs lets them pile up
# Traces cost less together: the first one waits for so long, for so many.
_GATHERING_S, _TOGETHER = 2.0, 8


class Tracer:
    """One per process. Thread-safe; ``record`` returns at once, the rest may wait for the disk."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        *,
        first_wait_s: float = 1.0,
        longest_wait_s: float = 60.0,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._first_wait_s = first_wait_s
        self._longest_wait_s = longest_wait_s
        # One thread: an answer's row is always there before its rating comes.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._room = threading.BoundedSemaphore(_MAX_QUEUED)
        self._changed = threading.Condition()
        self._news = True  # what an earlier run left is news, too
        self._stopping = False
        self._in_a_hurry = False
        self._exporter: threading.Thread | None = None
        self._client: MlflowClient | None = None
        self.on_bad_rating: Callable[[str], object] | None = None
        """Told the key of a kept answer that somebody found bad."""
        self.is_away = False
        """Whether MLflow could not be reached the last time."""

    def waiting(self) -> int:
        """How many traces and ratings MLflow does not have yet."""
        return self._ledger.waiting()

    def warm_up(self) -> None:
        """Begin in the background what takes seconds: MLflow's import, its schema, old backlog.

        Call it when the app's own imports are done.
        """
        with self._changed:
            if self._settings.tracing and self._exporter is None and not self._stopping:
                self._exporter = threading.Thread(
                    target=self._export_for_ever, name="mlflow", daemon=True
                )
                self._exporter.start()

    def record(
        self, answer: Answer, *, user_pseudonym: str, thread_id: str | None, run_id: str | None
    ) -> None:
        """Keep the finished answer and trace it; ``run_id`` is what the browser's rating names."""
        if not self._room.acquire(blocking=False):
            logger.warning("an answer was not recorded: the database is too slow")
            return
        try:
            task = self._writer.submit(self._add, answer, user_pseudonym, thread_id, run_id)
        except RuntimeError:  # the writer is shut down
            self._room.release()
            logger.warning("an answer that came after the end was not recorded")
            return
        task.add_done_callback(self._added)
        self.warm_up()

    def rate(
        self, key: str, value: int, *, reason: str = "", comment: str = "", pseudonym: str
    ) -> None:
        """Rate the answer with this id or run id: 1 thumbs up, 0 down; replaces an older rating.

        Waits for the database (call it in a thread), never for MLflow. Raises
        ``RagError("error.answer_unknown")``, and ``NotAllowed`` for somebody else's answer.
        """
        if value not in (0, 1):
            raise ValueError(f"a rating is 0 or 1, not {value}")
        self._rate(key, value, reason, comment, pseudonym)
        RATINGS.labels("up" if value else "down").inc()

    def reason_of(self, key: str, *, pseudonym: str) -> str:
        """What this person found wrong with their answer of this id or run id, or ""."""
        return self._ledger.reason_of(key, pseudonym=pseudonym)

    def withdraw(self, key: str, *, pseudonym: str) -> None:
        """Take the rating back, here and in MLflow. Raises as ``rate``."""
        self._rate(key, WITHDRAWN, "", "", pseudonym)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until MLflow has everything; False when it still has not after ``timeout`` s."""
        self._writer.submit(lambda: None).result(timeout)
        if not self._settings.tracing:
            return True
        self.warm_up()
        with self._changed:
            self._in_a_hurry = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._ledger.waiting() == 0, timeout)
            self._in_a_hurry = False
            return done

    def close(self, timeout: float = 5.0) -> None:
        """Write what is in memory to the database; what MLflow lacks waits there for next time."""
        self._writer.shutdown(wait=True)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._exporter is not None:
            self._exporter.join(timeout)

    def _add(
        self, answer: Answer, pseudonym: str, thread_id: str | None, run_id: str | None
    ) -> None:
        trace = None
        if self._settings.tracing:
            trace = trace_of(answer, pseudonym=pseudonym, thread_id=thread_id or "")
        self._ledger.add(
            answer, pseudonym=pseudonym, thread_id=thread_id, run_id=run_id, trace=trace
        )

    def _added(self, task: Future[None]) -> None:
        self._room.release()
        if error := task.exception():
            logger.error("an answer could not be recorded: %s", error)
        self._tell()

    def _rate(self, key: str, value: int, reason: str, comment: str, pseudonym: str) -> None:
        self._writer.submit(
            self._ledger.rate, key, value, reason=reason, comment=comment, pseudonym=pseudonym
        ).result()
        if value == 0 and self.on_bad_rating and (kept := self._ledger.cache_key(key)):
            self.on_bad_rating(kept)
        self._tell()
        self.warm_up()

    def _tell(self) -> None:
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def _export_for_ever(self) -> None:
        """The background thread: everything that waits, then sleep until there is news."""
        wait_s = 0.0
        while not self._sleep(wait_s):
            try:
                done = self._export_all()
            except Exception as error:  # MLflow's errors come from many libraries: none may end us
                self._client, self.is_away = None, True
                log = logger.debug if wait_s else logger.warning
                log("MLflow cannot be reached, answers go on and traces wait: %s", error)
                wait_s = min(max(2 * wait_s, self._first_wait_s), self._longest_wait_s)
            else:
                if done and self.is_away:
                    logger.info("MLflow has been reached again; all traces are written")
                    self.is_away = False
                wait_s = 0.0 if done else self._first_wait_s

    def _sleep(self, wait_s: float) -> bool:
        """Sleep ``wait_s`` after a failure, else until there is news and some more has joined it;
        True when it is the end."""
        with self._changed:
            if wait_s:
                self._changed.wait_for(lambda: self._stopping, wait_s)
            else:
                self._changed.wait_for(lambda: self._stopping or self._news)
                self._changed.wait_for(lambda: self._stopping or self._in_a_hurry, _GATHERING_S)
            self._news = False
            return self._stopping

    def _export_all(self) -> bool:
        """Everything that waits; False while another process is at it, which sees to ours too."""
        turn = self._ledger.take_turn()
        if turn is None:
            return False
        with contextlib.closing(turn):
            self._export_in_turn()
        return True

    def _export_in_turn(self) -> None:
        from rag.observe.mlflow_client import MlflowClient, Refused

        if self._client is None:
            self._client = MlflowClient(self._settings)
        while not self._stopping and (pending := self._ledger.oldest_traces(_TOGETHER)):
            said = self._client.write(*(one.trace for one in pending))
            for refusal in said:
                if isinstance(refusal, Refused):
                    logger.warning("MLflow refused a trace for good: %s", refusal)
            written = [None if isinstance(one, Refused) else one for one in said]
            self._ledger.traces_done(zip(pending, written, strict=True))
        while not self._stopping and (rating := self._ledger.oldest_rating()):
            assessment_id: str | None = None
            try:
                assessment_id = self._client.assess(rating)
            except Refused as error:
                logger.warning("MLflow refused a rating for good: %s", error)
            self._ledger.rating_done(rating, assessment_id)
        with self._changed:
            self._changed.notify_all()


def open_tracer(settings: Settings, engine: Engine) -> Tracer:
    """The tracer over the app's database. Costs nothing until ``warm_up`` or the first answer."""
    return Tracer(settings, Ledger(engine))
