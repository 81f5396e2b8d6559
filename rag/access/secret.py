"""The secret that signs log-ins and pseudonyms: given by the settings, or made once and kept."""

from __future__ import annotations

import logging
import os
import secrets
from functools import cache
from pathlib import Path

from rag.settings import Settings

logger = logging.getLogger(__name__)
FILE_NAME = "auth_secret"


def auth_secret(settings: Settings) -> str:
    """``settings.auth_secret``, or what stands in ``data_dir/auth_secret`` (64 hex digits).

    Raises ``OSError`` when the file can be neither read nor written.
    """
    given = settings.auth_secret.get_secret_value()
    return given or _kept_secret((settings.data_dir / FILE_NAME).resolve())


@cache
def _kept_secret(path: Path) -> str:
    """The secret in ``path``, made when there is none; two processes agree on one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(draft, path)  # never half-written, and the first process wins
        except FileExistsError:
            logger.debug("another process made the secret first")
        finally:
            draft.unlink()
    if path.stat().st_mode & 0o077:
        logger.warning("%s could be read by others; closed to its owner now", path)
        path.chmod(0o600)
    secret = path.read_text(encoding="ascii").strip()
    if len(secret) < 32:
        raise OSError(f"{path} is damaged: delete it, and everybody logs in anew")
    return secret
