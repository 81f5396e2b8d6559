"""What a log-in's cookie claims."""

from __future__ import annotations

import jwt
import pytest

from rag.api.session_guard import session_of, signed_token


def test_a_clock_that_is_set_back_logs_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that tells when it was issued is refused while that lies in the future."""
    monkeypatch.setenv("CHAINLIT_AUTH_SECRET", "a secret of thirty-two letters and more")
    token = signed_token("eva", "a session")

    claims = jwt.decode(token, options={"verify_signature": False})
    assert not {"iat", "nbf"} & claims.keys()
    assert claims["identifier"] == "eva"
    assert session_of(token) == "a session"
    assert session_of(token[:-2]) == ""
