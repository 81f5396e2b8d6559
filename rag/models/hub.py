"""Models from the model hub, through its own client, with little patience.

A plant's firewall often swallows packets instead of refusing them: the hub is first asked within
a few seconds, and left for the rest of the run when it does not answer.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from rag.models.catalogue import HubSource
from rag.models.folder import sha256_of
from rag.models.wheel import SourceUnavailable

# Seconds until the hub counts as not reachable, name resolution included.
PATIENCE_S = 4.0
# Read when huggingface_hub is imported. Seconds of silence inside a download; its faster transfer
# protocol talks to further hosts that a firewall would have to know.
_ENVIRONMENT = {
    "HF_HUB_DOWNLOAD_TIMEOUT": "10",
    "HF_HUB_ETAG_TIMEOUT": "5",
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
# The disk's fault, not the hub's.
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)
_OPTIONAL = ("special_tokens_map.json", "config.json")


class Hub:
    """The model hub during one run: asked once whether it is there."""

    def __init__(self, *, offline: bool, show: bool) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._offline = offline
        self._show = show
        self._answers: bool | None = None

    def answers(self, source: HubSource) -> bool:
        """Whether the hub gives out files; asked for one of ``source``'s, once in a run.

        Takes at most ``PATIENCE_S`` seconds. The hub's client would try a failing server for most
        of a minute.
        """
        if self._answers is None:
            self._answers = not self._offline and _within(PATIENCE_S, lambda: _ask(source))
        return self._answers

    def fetch(self, source: HubSource, target: Path, step: Callable[[str], None]) -> None:
        """Bring ``source``'s files into ``target``; what is there from a killed run is kept.

        Raises ``SourceUnavailable`` when the hub does not answer, has no such file, or when a file
        is not what its checksum says.
        """
        if not self.answers(source):
            raise SourceUnavailable("the model hub cannot be reached")
        from huggingface_hub import constants, hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError
        from huggingface_hub.utils.tqdm import disable_progress_bars

        if not self._show:
            disable_progress_bars()
        known = dict(source.sha256)
        for name in source.files:
            step(f"fetching {name}")
            try:
                path = Path(
                    hf_hub_download(
                        source.repository,
                        name,
                        local_dir=target,
                        endpoint=constants.ENDPOINT,
                        etag_timeout=PATIENCE_S,
                    )
                )
            except EntryNotFoundError as error:
                if name in _OPTIONAL:
                    continue
                raise SourceUnavailable(f"{source.repository} has no {name}") from error
            except (HfHubHTTPError, OSError, RuntimeError, ValueError) as error:
                if getattr(error, "errno", None) in _DISK:
                    raise
                self._answers = False
                raise SourceUnavailable(f"the model hub stopped answering ({name})") from error
            expected = known.get(name) or _checksum_of_hub(target, name)
            if expected and sha256_of(path) != expected:
                path.unlink()
                raise SourceUnavailable(f"{name} of {source.repository} has a wrong checksum")
        # The client's notes on partial downloads are of no use to the finished model.
        shutil.rmtree(target / ".cache", ignore_errors=True)


def _ask(source: HubSource) -> bool:
    """One small request; what is wrong with this repository alone is found out later."""
    import httpx
    from huggingface_hub import hf_hub_url

    try:
        answer = httpx.head(
            hf_hub_url(source.repository, source.files[0]),
            timeout=PATIENCE_S,
            follow_redirects=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.status_code in (401, 404) or answer.status_code < 400


def _within(seconds: float, question: Callable[[], bool]) -> bool:
    """``question()``, or ``False`` after ``seconds``: a name server may hang past any time-out."""
    answer: list[bool] = []
    thread = threading.Thread(target=lambda: answer.append(question()), daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answer and answer[0])


def _checksum_of_hub(target: Path, name: str) -> str | None:
    """The sha256 that the hub gave for a large file; small files have a git hash instead."""
    note = target / ".cache" / "huggingface" / "download" / f"{name}.metadata"
    try:
        etag = note.read_text(encoding="utf-8").splitlines()[1].strip()
    except (OSError, IndexError):
        return None
    return etag if len(etag) == 64 else None
