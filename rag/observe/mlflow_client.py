"""The only place that knows MLflow: writes traces and ratings through its tracing client.

Importing MLflow takes seconds and some 50 MB, so only ``Tracer``'s background thread does it, and
no fluent API is used: that would keep global state, start threads and swallow export errors.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sqlite3
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from rag.observe.ledger import WITHDRAWN, PendingRating
from rag.observe.quiet import FIRST_WORDS
from rag.observe.trace import Trace, TraceSpan
from rag.settings import Settings

ASSESSMENT = "user_rating"  # name of the human assessment: true is thumbs up
_Result = TypeVar("_Result")

# Nothing may be sent to MLflow's makers, and a dead server must be noticed soon.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}
# Writing a trace takes 15 ms of processor time. Under steady load it is written all the same.
_PATIENCE_S = 0.1
_SQLITE = "sqlite:///"
_HOPELESS = {400, 413, 422}  # HTTP status: the same request will never be accepted


class Refused(Exception):
    """MLflow is there and does not want this; trying again would not help."""


class MlflowClient:
    """Opened on a store or server. Every method raises what MLflow raises when it cannot."""

    def __init__(self, settings: Settings) -> None:
        uri = tracking_uri(settings)
        if uri.startswith(_SQLITE):
            path = Path(uri.removeprefix(_SQLITE))
            _make_whole(path)
            _try_sqlite(path)
        self._client = _load_tracing_client()(uri)
        self._experiment_id = self._experiment(settings)
        # MLflow's objects stay: searched for garbage, they would hold all answers up for 0.5 s.
        gc.freeze()

    def write(self, *texts: str) -> list[str | Refused]:
        """Write the traces with this JSON, again if need be: MLflow's id of each, or why it will
        never take it. Of eight at once, each costs two thirds of what it costs by itself."""
        said: list[str | Refused] = []
        spans: list[Any] = []
        for text in texts:
            try:
                trace, its_spans = self._begin(text)
            except Refused as refusal:
                said.append(refusal)
            else:
                said.append(trace.name)
                spans += its_spans
        FIRST_WORDS.wait(_PATIENCE_S)
        try:
            _ask(lambda: self._client.log_spans(self._experiment_id, spans))
        except Refused as refusal:
            if len(texts) == 1:
                return [refusal]
            return [self.write(text)[0] for text in texts]  # one of them it is
        return said

    def _begin(self, text: str) -> tuple[Trace, list[Any]]:
        """Write a trace but for its spans, which come back. Raises ``Refused`` also for JSON that
        an older version of ours left and nobody can read."""
        try:
            trace = Trace.from_json(text)
            info = _info(trace, self._experiment_id)
            spans = [_span(trace, span) for span in trace.spans]
        except (TypeError, ValueError, LookupError) as error:
            raise Refused(f"not a trace: {error}") from error
        FIRST_WORDS.wait(_PATIENCE_S)
        _ask(lambda: self._client.start_trace(info))
        return trace, spans

    def assess(self, rating: PendingRating) -> str | None:
        """Bring MLflow's human assessment in line with the rating; returns its id, if any.

        This is what ``mlflow.log_feedback`` and ``mlflow.override_feedback`` do, without their
        global tracking URI. What MLflow has is read first, so that a rating whose copying was cut
        off is not there twice.
        """
        from mlflow.entities import AssessmentSource, Feedback

        copies = self._copies(rating.trace_id)
        if rating.value == WITHDRAWN:
            for copy in copies:
                self._client.delete_assessment(rating.trace_id, copy.assessment_id)
            return None
        feedback = Feedback(
            name=ASSESSMENT,
            value=bool(rating.value),
            rationale=rating.comment or None,
            source=AssessmentSource(source_type="HUMAN", source_id=rating.pseudonym),
            metadata={"reason": rating.reason} if rating.reason else None,
            overrides=next((copy.assessment_id for copy in copies if copy.valid), None),
        )
        logged = _ask(lambda: self._client.log_assessment(rating.trace_id, feedback))
        return str(logged.assessment_id)

    def _copies(self, trace_id: str) -> list[Any]:
        """Our assessments on the trace, newest first: an override must go before its original."""
        info = _ask(lambda: self._client.get_trace_info(trace_id), also_hopeless=404)
        ours = [copy for copy in info.assessments if copy.name == ASSESSMENT]
        return sorted(ours, key=lambda copy: copy.create_time_ms, reverse=True)

    def _experiment(self, settings: Settings) -> str:
        store = self._client.store
        found = store.get_experiment_by_name(settings.mlflow_experiment)
        if found is None:
            local = (settings.data_dir / "mlartifacts").resolve().as_uri()
            place = None if settings.mlflow_tracking_uri else local
            return str(store.create_experiment(settings.mlflow_experiment, place))
        if found.lifecycle_stage == "deleted":
            store.restore_experiment(found.experiment_id)
        return str(found.experiment_id)


def tracking_uri(settings: Settings) -> str:
    """Where traces go: the setting, or SQLite in ``data_dir/mlflow.db``."""
    path = Path(settings.data_dir, "mlflow.db").resolve()
    return settings.mlflow_tracking_uri or f"{_SQLITE}{path}"


def _make_whole(path: Path) -> None:
    """A new database is made beside its place: one that a killed process left with half of its
    tables could never be opened again, neither by MLflow nor by us."""
    if path.exists() and path.stat().st_size:
        return
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    _load_tracing_client()(f"{_SQLITE}{unfinished}").store.engine.dispose()
    if path.exists() and path.stat().st_size:  # MLflow's own server was quicker
        unfinished.unlink()
    else:
        unfinished.replace(path)


def _try_sqlite(path: Path) -> None:
    """Fail at once where MLflow would try for a minute, holding a lock of its own."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA schema_version")


def _load_tracing_client() -> Callable[[str], Any]:
    """Import MLflow with telemetry, log set-up and its own deprecations switched off."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)  # the tracer warns, once
    for module in ("mlflow", "sqlalchemy", "alembic", "pydantic"):
        # Warnings about MLflow's own code are for its makers, and would stop a strict test.
        warnings.filterwarnings("ignore", module=module)
    from mlflow.tracing.client import TracingClient

    return TracingClient  # type: ignore[no-any-return]


def _info(trace: Trace, experiment_id: str) -> Any:
    from mlflow.entities import TraceInfo, TraceLocation, TraceState

    root = trace.spans[0]
    return TraceInfo(
        trace_id=trace.name,
        trace_location=TraceLocation.from_experiment_id(experiment_id),
        request_time=root.started_ns // 1_000_000,
        execution_duration=(root.ended_ns - root.started_ns) // 1_000_000,
        state=TraceState.OK,
        request_preview=trace.question,
        response_preview=trace.text,
        client_request_id=trace.answer_id,
        trace_metadata={
            "mlflow.trace.user": trace.pseudonym,
            "mlflow.trace.session": trace.thread_id,
        },
        tags={"mlflow.traceName": root.name, **trace.tags},
    )


def _span(trace: Trace, span: TraceSpan) -> Any:
    from mlflow.entities import Span
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

    def context(span_id: int) -> SpanContext:
        return SpanContext(trace.id, span_id, is_remote=False, trace_flags=TraceFlags(1))

    attributes = {
        **span.attributes,
        "mlflow.traceRequestId": trace.name,
        "mlflow.spanType": span.kind,
        "mlflow.spanInputs": span.inputs,
        "mlflow.spanOutputs": span.outputs,
    }
    return Span(
        ReadableSpan(
            name=span.name,
            context=context(span.id),
            parent=context(span.parent) if span.parent else None,
            resource=Resource.get_empty(),
            attributes={
                name: json.dumps(value, ensure_ascii=False) for name, value in attributes.items()
            },
            start_time=span.started_ns,
            end_time=span.ended_ns,
            status=Status(StatusCode.OK),
        )
    )


def _ask(call: Callable[[], _Result], *, also_hopeless: int = 400) -> _Result:
    """Raises ``Refused`` instead of MLflow's error where trying again is of no use."""
    from mlflow.exceptions import MlflowException

    try:
        return call()
    except MlflowException as error:
        if error.get_http_status_code() in _HOPELESS | {also_hopeless}:
            raise Refused(str(error)) from error
        raise
