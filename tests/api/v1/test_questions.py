"""Questions over the API, in the application itself: what is answered, refused and streamed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rag.access.api_keys import ApiScope
from rag.api.v1 import examples
from tests.api.v1.conftest import InProcess

pytestmark = pytest.mark.slow
QUERY = "/api/v1/query"
STREAM = "/api/v1/query/stream"
PRESS = "Hydraulic Press HP 160"
FAULT = {"question": "What does E-104 mean?", "machines": [PRESS]}


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream: name and data of each."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


async def test_an_answer_with_everything_that_belongs_to_it(http: httpx.AsyncClient) -> None:
    answer = await http.post(QUERY, json=FAULT)
    assert answer.status_code == 200
    body = answer.json()
    assert "Ejector following error" in body["text"]
    assert body["mode"] == "quote"
    assert body["language"] == "en"
    assert body["timings_ms"]["total"] >= body["timings_ms"]["bm25"]
    assert body["trace_id"] is None  # tracing is off here
    assert {one["machine"] for one in body["citations"]} == {PRESS}
    source = body["citations"][0]
    assert source["quote"]
    assert body["notices"][0]["signal"] == "warning"
    image = await http.get(source["image"], params={"width": 480})
    assert image.status_code == 200
    assert image.headers["content-type"].startswith("image/")


async def test_the_example_of_the_description_is_true(http: httpx.AsyncClient) -> None:
    """But for how it is worded and how long it took: what it rests on and what it warns of."""
    answer = await http.post(QUERY, json=examples.QUESTION)
    body = answer.json()
    assert body.keys() == examples.ANSWER.keys()
    for part in ("question", "language", "citations", "notices"):
        assert body[part] == examples.ANSWER[part]
    described = (await http.get("/api/v1/openapi.json")).json()
    schemas = described["components"]["schemas"]
    assert schemas["AnswerOut"]["examples"] == [examples.ANSWER]
    assert examples.QUESTION in schemas["Query"]["examples"]


async def test_every_error_is_described_as_a_problem(http: httpx.AsyncClient) -> None:
    described = (await http.get("/api/v1/openapi.json")).json()
    operations = [one for path in described["paths"].values() for one in path.values()]
    for operation in operations:
        errors = {int(one): answer for one, answer in operation["responses"].items() if one > "3"}
        assert {400, 401, 403, 404, 422, 429, 500, 503} <= errors.keys()
        for status, answer in errors.items():
            example = answer["content"]["application/problem+json"]["example"]
            assert example["status"] == status
            assert example["detail"]


async def test_what_the_manuals_do_not_say_is_an_answer(http: httpx.AsyncClient) -> None:
    body = (await http.post(QUERY, json={"question": "Wie wird das Wetter morgen?"})).json()
    assert body["mode"] == "refusal"
    assert body["citations"] == []


async def test_a_question_is_understood_from_what_was_asked_before(http: httpx.AsyncClient) -> None:
    before = [{"question": FAULT["question"], "answer": "Ejector following error [1]"}]
    asked = {"question": "And E-102?", "machines": [PRESS], "history": before}
    body = (await http.post(QUERY, json=asked)).json()
    assert any("E-102" in one["quote"] for one in body["citations"])


async def test_the_same_answer_as_it_comes(http: httpx.AsyncClient) -> None:
    answer = await http.post(STREAM, json=FAULT)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    told = events(answer.text)
    names = [name for name, _ in told]
    assert names[0] == "status"
    assert names[-1] == "done"
    assert names.index("notices") < names.index("sources") < names.index("token")
    done = told[-1][1]
    assert "".join(data["text"] for name, data in told if name == "token") == done["text"]
    whole = (await http.post(QUERY, json=FAULT)).json()
    assert done.keys() == whole.keys()
    assert done["citations"] == whole["citations"]


async def test_an_unknown_machine_does_not_mean_all(http: httpx.AsyncClient) -> None:
    asked = {**FAULT, "machines": [PRESS, "Kran 1"], "manuals": ["nothing"]}
    for path in (QUERY, STREAM):
        answer = await http.post(path, json=asked)
        assert answer.status_code == 422
        pointers = [one["pointer"] for one in answer.json()["errors"]]
        assert pointers == ["#/machines/1", "#/manuals/0"]


async def test_too_many_questions(
    http: httpx.AsyncClient, in_process: InProcess, limited: Callable[..., None]
) -> None:
    limited(questions_per_minute=2)
    answers = [await http.post(QUERY, json=FAULT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    problem = answers[2].json()
    assert problem["code"] == "too_many_questions"
    assert answers[2].headers["retry-after"] in problem["detail"]
    assert (await http.post(STREAM, json=FAULT)).status_code == 429
    # A question that cannot be asked costs nothing, and another key has its own window.
    assert (await http.post(QUERY, json={"question": ""})).status_code == 422
    other = {"X-API-Key": in_process.key(ApiScope.ASK)}
    assert (await http.post(QUERY, json=FAULT, headers=other)).status_code == 200


async def test_only_ones_own_answers_can_be_rated(
    http: httpx.AsyncClient, in_process: InProcess
) -> None:
    answer_id = (await http.post(QUERY, json=FAULT)).json()["id"]
    rating = {"answer_id": answer_id, "value": 0, "reason": "wrong_page", "comment": "31"}
    assert (await http.post("/api/v1/feedback", json=rating)).status_code == 204
    other = {"X-API-Key": in_process.key(ApiScope.FEEDBACK)}
    refused = await http.post("/api/v1/feedback", json=rating, headers=other)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
    unknown = {"answer_id": "nothing", "value": 1}
    refused = await http.post("/api/v1/feedback", json=unknown)
    assert (refused.status_code, refused.json()["code"]) == (404, "answer_unknown")
