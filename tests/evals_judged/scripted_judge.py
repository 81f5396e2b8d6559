"""A judge whose verdicts can be worked out by hand: a statement is true if the text contains it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.stand_in.ollama import Request, Script

# ragas asks for an object of one of these forms; the title is in the schema in its prompt.
_FORMS = (
    "StatementGeneratorOutput",
    "NLIStatementOutput",
    "ResponseRelevanceOutput",
    "ContextRecallClassifications",
    "ClaimDecompositionOutput",
    "Verification",
    "StringIO",  # ragas' attempt to have a broken answer mended
)


class ScriptedJudge:
    """An answer function for the stand-in. ``override`` replaces the answer to one form."""

    def __init__(self) -> None:
        self.override: dict[str, Callable[[dict[str, Any]], Script]] = {}
        self.asked: list[str] = []

    def __call__(self, request: Request) -> Script:
        prompt = request.messages[-1]["content"]
        form = next(name for name in _FORMS if f'"title": "{name}"' in prompt)
        given = json.loads(prompt.rsplit("\ninput: ", 1)[1].rsplit("\nOutput: ", 1)[0])
        self.asked.append(form)
        if form in self.override:
            return self.override[form](given)
        return json.dumps(getattr(self, f"_{form}")(given))

    def _StatementGeneratorOutput(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"statements": sentences(given["answer"])}

    def _ClaimDecompositionOutput(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"claims": sentences(given["response"])}

    def _NLIStatementOutput(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "statements": [
                {"statement": one, "reason": "", "verdict": int(one in given["context"])}
                for one in given["statements"]
            ]
        }

    def _Verification(self, given: dict[str, Any]) -> dict[str, Any]:
        """Useful: the context holds at least one sentence of the reference answer."""
        useful = any(one in given["context"] for one in sentences(given["answer"]))
        return {"reason": "", "verdict": int(useful)}

    def _ContextRecallClassifications(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "classifications": [
                {"statement": one, "reason": "", "attributed": int(one in given["context"])}
                for one in sentences(given["answer"])
            ]
        }

    def _ResponseRelevanceOutput(self, given: dict[str, Any]) -> dict[str, Any]:
        """The question that the answer's first sentence names; "Unknown." commits to nothing."""
        first = sentences(given["response"])[0]
        return {"question": f"about {first}", "noncommittal": int(first == "Unknown.")}


def sentences(text: str) -> list[str]:
    return [f"{part.strip()}." for part in text.split(".") if part.strip()]
