"""What Millwright says to people, in German and English: one TOML file per part of the app.

Each entry is ``["key"]`` with ``de`` and ``en``; ``{name}`` placeholders are filled by ``say``.
"""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path

from rag.types import Language


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """All messages by key; raises ``ValueError`` when a key stands in two files."""
    messages: dict[str, dict[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        for key, texts in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if key in messages:
                raise ValueError(f"message {key!r} stands twice, again in {path.name}")
            messages[key] = texts
    return messages


def say(key: str, language: Language, **values: object) -> str:
    """The message ``key`` in ``language`` with its placeholders filled. Raises ``KeyError``."""
    return catalogue()[key][language].format(**values)


def language_of_shell() -> Language:
    """The language of whoever runs a command: German when LANG says so, or else English."""
    return "de" if os.environ.get("LANG", "").startswith("de") else "en"


def words(prefix: str, language: Language) -> dict[str, str]:
    """All messages whose keys begin with ``prefix``, by the rest of their keys: for the page, which
    fills their placeholders itself."""
    return {
        key.removeprefix(prefix): texts[language]
        for key, texts in catalogue().items()
        if key.startswith(prefix)
    }
