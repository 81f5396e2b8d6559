"""An OpenAI-compatible endpoint that answers as a script says: ``POST /v1/chat/completions``."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.stand_in.http import Connection, HttpServer
from tests.stand_in.ollama import Failure, Request
from tests.stand_in.script import Answer

KEY = "sk-scripted"


class OpenAIEndpoint(HttpServer):
    """``answer`` is asked for every completion; ``headers`` keeps what the client sent."""

    def __init__(self, answer: Answer, *, most_choices: int = 8) -> None:
        super().__init__()
        self.answer = answer
        self.most_choices = most_choices
        self.bodies: list[dict[str, Any]] = []
        self.refused = 0

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    async def respond(self, connection: Connection, method: str, path: str, body: bytes) -> None:
        if (method, path) != ("POST", "/v1/chat/completions"):
            await connection.send_json(404, {"error": {"message": "not found"}})
            return
        if connection.headers.get("authorization") != f"Bearer {KEY}":
            self.refused += 1
            await connection.send_json(401, {"error": {"message": "Incorrect API key provided"}})
            return
        fields = json.loads(body)
        self.bodies.append(fields)
        script = self.answer(Request(fields))
        if isinstance(script, Failure):
            await self._fail(connection, script)
            return
        count = min(int(fields.get("n") or 1), self.most_choices)
        await connection.send_json(200, _completion(fields["model"], [str(script)] * count))

    async def _fail(self, connection: Connection, failure: Failure) -> None:
        match failure.kind:
            case "drop":
                connection.drop()
            case "silent":
                await asyncio.Event().wait()  # until the client goes away
            case "garbage":
                await connection.send(200, "application/json", b"<html>Bad gateway</html>")
            case "cut":
                await connection.send_json(200, _completion("judge", []))
            case _:
                await connection.send_json(
                    failure.status, {"error": {"message": failure.message, "type": "server_error"}}
                )


def _completion(model: str, texts: list[str]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1767225600,
        "model": model,
        "choices": [
            {
                "index": place,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
            for place, text in enumerate(texts)
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }
