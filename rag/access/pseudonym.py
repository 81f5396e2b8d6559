"""A stable name for a person that tells nobody who it is: QA sees answers, never who asked."""

from __future__ import annotations

import hashlib
import hmac

from rag.access.secret import auth_secret
from rag.settings import Settings


def pseudonym(user_id: str, settings: Settings) -> str:
    """``p-`` and 16 hex digits: HMAC-SHA256 (RFC 2104) of the account's id under the secret.

    Without the secret neither the id nor a list of all ids leads back to a person.
    """
    key = auth_secret(settings).encode()
    digest = hmac.new(key, f"pseudonym:{user_id}".encode(), hashlib.sha256).hexdigest()
    return f"p-{digest[:16]}"
