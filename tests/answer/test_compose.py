"""What an answer says about the server that it could not ask."""

from __future__ import annotations

import pytest

from rag.answer.compose import without_credentials


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("http://name:secret@host:1,https://key@other/a", "http://host:1,https://other/a"),
    ],
)
def test_an_address_is_shown_without_its_secret(address: str, shown: str) -> None:
    assert without_credentials(address) == shown
