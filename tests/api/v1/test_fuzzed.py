"""Generated requests to every operation of the document, good and bad ones, in the application
itself: none ends in 500, and each answer is as the document says."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.api.v1.conftest import InProcess

pytestmark = pytest.mark.slow
# How many good and bad requests: questions take the longest to answer, and bad paths to make up.
OPERATIONS = {
    ("POST", "/query"): (25, 25),
    ("POST", "/query/stream"): (25, 25),
    ("POST", "/feedback"): (100, 100),
    ("POST", "/manuals"): (30, 30),
    ("GET", "/manuals"): (80, 40),
    ("GET", "/manuals/{manual_id}"): (100, 10),
    ("DELETE", "/manuals/{manual_id}"): (100, 10),
    ("GET", "/manuals/{manual_id}/file"): (100, 10),
    ("GET", "/jobs/{job_id}"): (100, 10),
    ("GET", "/pages/{manual_id}/{index}"): (100, 10),
}
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
# Which names of machines there are, and what is a manual, stands in no schema.
NEEDS_MORE_THAN_ITS_SCHEMA = ("/query", "/query/stream", "/manuals")
# A form holds texts only: a number in the place of a text is a text as well.
KNOWS_TEXTS_ONLY = ("POST", "/manuals")
sent: Counter[tuple[str, str]] = Counter()


@pytest.fixture(scope="session")
def described(in_process: InProcess) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Without its life: when Chainlit's application ends, it ends the process."""
        if scope["type"] != "lifespan":
            await in_process.app(scope, receive, send)
            return
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})

    headers = {"X-API-Key": in_process.key()}
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=headers)
    schema.config.generation.update(with_security_parameters=False)
    return schema


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_generated_requests(
    described: Any, key: str, method: str, path: str, mode: GenerationMode
) -> None:
    headers = {"X-API-Key": key}

    checks = [positive_data_acceptance] if path in NEEDS_MORE_THAN_ITS_SCHEMA else []
    if (method, path) == KNOWS_TEXTS_ONLY:
        checks.append(negative_data_rejection)

    @settings(
        max_examples=OPERATIONS[method, path][MODES.index(mode)],
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described[path][method].as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case) -> None:
        sent[method, path] += 1
        response = case.call(headers=headers)
        assert response.headers["x-request-id"]
        case.validate_response(response, headers=headers, excluded_checks=checks)

    send()


def test_every_operation_was_there_and_there_were_enough(described: Any) -> None:
    operations = [one.ok() for one in described.get_all_operations()]
    assert {(one.method.upper(), one.path) for one in operations} == OPERATIONS.keys()
    assert sent.keys() == OPERATIONS.keys()
    assert sum(sent.values()) >= 1000
