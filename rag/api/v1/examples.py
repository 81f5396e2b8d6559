"""Examples for the API's description: what the sample press manual says of a fault, as a language
model may put it; and what errors look like."""

from __future__ import annotations

from typing import Any

from rag.api.problems import Problem, plain_problem, problem_body

_MANUAL = "c072f501-c6bb-5e32-a473-f496b038dd72"
_TITLE = "Operating and Maintenance Manual Hydraulic Press HP 160"

QUESTION: dict[str, Any] = {
    "question": "What does E-104 mean?",
    "machines": ["Hydraulic Press HP 160"],
    "history": [
        {
            "question": "How often must the ejector guide be greased?",
            "answer": "Every 500 operating hours [1].",
        }
    ],
    "fresh": False,
}

ANSWER: dict[str, Any] = {
    "id": "08bbfcc61d954cd2a50dc6ddf9b4b0cb",
    "question": "What does E-104 mean?",
    "understood_as": "What does E-104 mean?",
    "text": (
        "E-104 is an ejector following error: the ejector moves too slowly because the oil is cold "
        "or the guide is dry [1]. Warm up the oil and grease the ejector guide [1]."
    ),
    "mode": "llm",
    "language": "en",
    "citations": [
        {
            "n": 1,
            "manual_id": _MANUAL,
            "title": _TITLE,
            "machine": "Hydraulic Press HP 160",
            "revision": "C",
            "page": 34,
            "last_page": 34,
            "label": "9-4",
            "heading": ["9 Troubleshooting", "9.3 Fault list"],
            "quote": (
                "Code: E-104 | Message: Ejector following error | Cause: Ejector moves too slowly, "
                "oil cold or guide dry | Remedy: Warm up the oil, grease the ejector guide"
            ),
            "language": "en",
            "boxes": [{"page": 34, "x0": 0.1042, "y0": 0.6889, "x1": 0.9126, "y1": 0.7234}],
            "also_on": [],
            "further": False,
            "image": f"/api/v1/pages/{_MANUAL}/34",
        }
    ],
    "notices": [
        {
            "signal": "warning",
            "word": "WARNING",
            "text": (
                "WARNING\nInjury by improper troubleshooting!\nWork on live or pressurised parts "
                "could result in death or serious injury. Lock out the press and discharge the "
                "accumulator before removing the cause of a fault."
            ),
            "manual_id": _MANUAL,
            "title": _TITLE,
            "page": 31,
            "label": "9-1",
            "language": "en",
            "boxes": [{"page": 31, "x0": 0.1159, "y0": 0.1723, "x1": 0.8677, "y1": 0.2411}],
            "also_on": [],
            "image": f"/api/v1/pages/{_MANUAL}/31",
        }
    ],
    "checks": [{"text": "E-104", "kind": "code", "status": "found", "passage": 1}],
    "perhaps": [],
    "timings_ms": {
        "understand": 0.0,
        "scope": 4.6,
        "exact": 1.6,
        "bm25": 10.0,
        "dense": 20.4,
        "fused": 45.6,
        "near": 5.6,
        "dedup": 0.4,
        "verdict": 0.3,
        "notices": 4.2,
        "generate": 2310.8,
        "total": 2402.7,
    },
    "trace_id": "tr-52b42f6b471da4c352e4b107c20d9ba1",
}

# What each status says most often.
_PROBLEMS = (
    Problem(400, "error.body_not_json", "en"),
    Problem(401, "error.key_needed", "en"),
    Problem(403, "error.key_scope", "en", values={"scopes": "ask"}),
    Problem(404, "error.manual_unknown", "en"),
    plain_problem(405, "en"),
    Problem(408, "error.too_slow", "en"),
    Problem(409, "error.manual_wrong_status", "en", values={"title": _TITLE}),
    Problem(413, "error.request_too_large", "en"),
    Problem(415, "error.content_type", "en", values={"wanted": "application/json"}),
    Problem(422, "problem.422.detail", "en", errors=[("#/question", "This is missing.")]),
    Problem(429, "error.too_many_questions", "en", values={"seconds": 42}),
    plain_problem(500, "en"),
    Problem(503, "answer.store_down", "en"),
)


def problem(status: int) -> dict[str, Any]:
    """An error with ``status``, as it is sent."""
    [one] = (one for one in _PROBLEMS if one.status_code == status)
    return {**problem_body(one), "request_id": "5d0b3cd5a0f94f7e9d1c6a4a0f5a2e77"}
