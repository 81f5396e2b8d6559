"""The JSON objects that an Ollama server sends."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from tests.stand_in.script import Request

BUSY = "server busy, please try again. maximum pending requests exceeded"


def line_of(request: Request, content: str, *, done: bool) -> dict[str, Any]:
    return {
        "model": request.body["model"],
        "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "message": {"role": "assistant", "content": content},
        "done": done,
    }


def full_name(model: str) -> str:
    return model if ":" in model else f"{model}:latest"


def digest_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def tag_of(name: str, version: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "modified_at": "2026-08-01T10:00:00Z",
        "size": 4113301824,
        "digest": digest_of(name + version),
        "details": {
            "format": "gguf",
            "family": "llama",
            "families": ["llama"],
            "parameter_size": "7.2B",
            "quantization_level": "Q4_0",
        },
    }
