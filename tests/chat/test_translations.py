"""Chainlit's own words: complete in both languages, and each of ours in both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chainlit

from rag.messages import catalogue
from tests.served import PROJECT

OURS = PROJECT / ".chainlit" / "translations"


def paths(tree: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from paths(value, f"{above}{key}/")
        else:
            yield f"{above}{key}", value


def read(path: Path) -> dict[str, str]:
    return dict(paths(json.loads(path.read_text(encoding="utf-8"))))


def test_nothing_of_chainlit_is_untranslated() -> None:
    chainlits = read(Path(chainlit.__file__).parent / "translations" / "en-US.json")
    german, english = read(OURS / "de-DE.json"), read(OURS / "en-US.json")
    assert set(chainlits) <= set(german)
    assert set(german) == set(english)
    empty = [path for words in (german, english) for path, text in words.items() if not text]
    assert empty == []


def test_every_message_has_both_languages_and_the_same_placeholders() -> None:
    for key, texts in catalogue().items():
        assert set(texts) == {"de", "en"}, key
        fields = [sorted(set(_fields(text))) for text in texts.values()]
        assert fields[0] == fields[1], key


def _fields(text: str) -> list[str]:
    import string

    return [name for _, name, _, _ in string.Formatter().parse(text) if name]
