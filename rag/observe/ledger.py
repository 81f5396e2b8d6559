"""Our own rows of answers and ratings: the truth, of which MLflow gets a copy when it can.

All methods are synchronous and short. What waits for MLflow survives a restart.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, text

from rag.errors import NotAllowed, RagError
from rag.observe.trace import Trace
from rag.store.database import now, reading
from rag.store.processes import Turn, take_turn
from rag.types import Answer

logger = logging.getLogger(__name__)
MAX_PENDING = 5000  # some 20 kB each: 100 MB of disk at most while MLflow is away
WITHDRAWN = -1  # the value of a rating that was taken back and still stands in MLflow


@dataclass(frozen=True, slots=True)
class PendingTrace:
    """An answer for MLflow; ``trace`` is the JSON of a ``Trace``, perhaps of an older version."""

    number: int
    answer_id: str
    trace: str


@dataclass(frozen=True, slots=True)
class PendingRating:
    """A rating to copy; ``assessment_id`` is the copy that MLflow has of an earlier one."""

    answer_id: str
    trace_id: str
    pseudonym: str
    value: int
    reason: str
    comment: str
    updated_at: str
    assessment_id: str | None


class Ledger:
    """The tables answers, ratings and pending_traces."""

    def __init__(self, engine: Engine, *, max_pending: int = MAX_PENDING) -> None:
        self._engine = engine
        self._max_pending = max_pending

    def add(
        self,
        answer: Answer,
        *,
        pseudonym: str,
        thread_id: str | None,
        run_id: str | None,
        trace: Trace | None,
    ) -> None:
        """Write down an answer and, with ``trace``, that MLflow should get it."""
        row = {
            "id": answer.id,
            "run_id": run_id,
            "thread_id": thread_id,
            "pseudonym": pseudonym,
            "question": answer.question,
            "mode": answer.mode,
            "provenance": json.dumps(answer.provenance, default=str, ensure_ascii=False),
            "created_at": now(),
        }
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        insert = f"INSERT INTO answers ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608 - ours
        with self._engine.begin() as connection:
            added = connection.execute(text(insert), row).rowcount
            if trace is None or not added:
                return
            connection.execute(
                text("INSERT INTO pending_traces (answer_id, trace) VALUES (:id, :trace)"),
                {"id": answer.id, "trace": trace.to_json()},
            )
            dropped = connection.execute(
                text(
                    "DELETE FROM pending_traces WHERE number <= "
                    "(SELECT max(number) FROM pending_traces) - :limit"
                ),
                {"limit": self._max_pending},
            ).rowcount
        if dropped:
            logger.warning("MLflow was away for long: %d oldest traces dropped", dropped)

    def rate(self, key: str, value: int, *, reason: str, comment: str, pseudonym: str) -> None:
        """Insert or replace the rating of the answer with this id or run id.

        Raises ``RagError("error.answer_unknown")``, and ``NotAllowed`` for somebody else's answer.
        """
        find = text("SELECT id, pseudonym FROM answers WHERE id = :key OR run_id = :key")
        upsert = text(
            "INSERT INTO ratings (answer_id, pseudonym, value, reason, comment, updated_at) "
            "VALUES (:answer_id, :pseudonym, :value, :reason, :comment, :updated_at) "
            "ON CONFLICT (answer_id) DO UPDATE SET value = excluded.value, "
            "reason = excluded.reason, comment = excluded.comment, "
            "updated_at = excluded.updated_at, exported_at = NULL"
        )
        with self._engine.begin() as connection:
            answer = connection.execute(find, {"key": key}).mappings().first()
            if answer is None:
                raise RagError("error.answer_unknown")
            if answer["pseudonym"] != pseudonym:
                raise NotAllowed("error.not_yours")
            row = {"value": value, "reason": reason, "comment": comment, "updated_at": now()}
            connection.execute(upsert, row | {"answer_id": answer["id"], "pseudonym": pseudonym})

    def reason_of(self, key: str, *, pseudonym: str) -> str:
        """What this person found wrong with the answer; empty: nothing, or not their answer."""
        find = text(
            "SELECT r.reason FROM ratings r JOIN answers a ON a.id = r.answer_id "
            "WHERE (a.id = :key OR a.run_id = :key) AND a.pseudonym = :pseudonym AND r.value = 0"
        )
        with reading(self._engine).begin() as connection:
            found = connection.execute(find, {"key": key, "pseudonym": pseudonym}).scalar()
        return str(found or "")

    def cache_key(self, key: str) -> str:
        """Under which key the answer with this id or run id is kept; empty: it is not."""
        find = text("SELECT provenance FROM answers WHERE id = :key OR run_id = :key")
        with reading(self._engine).begin() as connection:
            kept = connection.execute(find, {"key": key}).scalar()
        return str(json.loads(kept or "{}").get("cache_key", ""))

    def bad_since(self, moment: str) -> list[str]:
        """Under which keys the answers are kept that were found bad after ``moment``."""
        find = text(
            "SELECT a.provenance FROM ratings r JOIN answers a ON a.id = r.answer_id "
            "WHERE r.value = 0 AND r.updated_at > :moment"
        )
        with reading(self._engine).begin() as connection:
            found = connection.execute(find, {"moment": moment}).scalars()
            keys = [json.loads(kept).get("cache_key", "") for kept in found]
        return [key for key in keys if key]

    def take_turn(self) -> Turn | None:
        """The turn to copy what waits; ``None`` while another process does."""
        return take_turn(self._engine, "mlflow")

    def oldest_traces(self, count: int) -> list[PendingTrace]:
        """The answers that have waited longest for MLflow."""
        query = text("SELECT * FROM pending_traces ORDER BY number LIMIT :count")
        with reading(self._engine).begin() as connection:
            rows = connection.execute(query, {"count": count}).mappings()
            return [PendingTrace(row["number"], row["answer_id"], row["trace"]) for row in rows]

    def traces_done(self, done: Iterable[tuple[PendingTrace, str | None]]) -> None:
        """MLflow has each trace under that id, or (None) will never take it."""
        rows = [
            {"number": pending.number, "trace_id": trace_id, "id": pending.answer_id}
            for pending, trace_id in done
        ]
        with self._engine.begin() as connection:
            connection.execute(text("DELETE FROM pending_traces WHERE number = :number"), rows)
            connection.execute(text("UPDATE answers SET trace_id = :trace_id WHERE id = :id"), rows)

    def oldest_rating(self) -> PendingRating | None:
        """A rating that MLflow does not have yet although it has the answer's trace."""
        query = text(
            "SELECT r.answer_id, a.trace_id, r.pseudonym, r.value, r.reason, r.comment, "
            "r.updated_at, r.assessment_id FROM ratings r JOIN answers a ON a.id = r.answer_id "
            "WHERE r.exported_at IS NULL AND a.trace_id IS NOT NULL ORDER BY r.updated_at LIMIT 1"
        )
        with reading(self._engine).begin() as connection:
            row = connection.execute(query).mappings().first()
        return PendingRating(**row) if row else None

    def rating_done(self, rating: PendingRating, assessment_id: str | None) -> None:
        """MLflow has the rating as ``assessment_id``; a change since then stays to be copied."""
        unchanged = {"id": rating.answer_id, "seen": rating.updated_at}
        with self._engine.begin() as connection:
            connection.execute(
                text("UPDATE ratings SET assessment_id = :new WHERE answer_id = :id"),
                {"new": assessment_id, "id": rating.answer_id},
            )
            if rating.value == WITHDRAWN:
                change = "DELETE FROM ratings WHERE answer_id = :id AND updated_at = :seen"
                connection.execute(text(change), unchanged)
            else:
                change = "UPDATE ratings SET exported_at = :at WHERE answer_id = :id"
                change += " AND updated_at = :seen"
                connection.execute(text(change), unchanged | {"at": now()})

    def waiting(self) -> int:
        """How many traces and ratings MLflow does not have yet."""
        query = text(
            "SELECT (SELECT count(*) FROM pending_traces) + (SELECT count(*) FROM ratings r "
            "JOIN answers a ON a.id = r.answer_id "
            "WHERE r.exported_at IS NULL AND a.trace_id IS NOT NULL)"
        )
        with reading(self._engine).begin() as connection:
            return int(connection.execute(query).scalar_one())
