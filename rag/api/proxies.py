"""Who really calls, where a reverse proxy stands in front: only named proxies are believed."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.settings import networks

_SECURE = {"http": "https", "websocket": "wss"}
_PLAIN = {"http": "http", "websocket": "ws"}


class TrustedProxies:
    """Takes caller and scheme from X-Forwarded-For and -Proto when a trusted proxy sends them.

    Both are read from the right: the last entry is what our proxy has seen itself, and everything
    left of the first address that is no proxy of ours could be made up by the caller.
    """

    def __init__(self, app: ASGIApp, trusted: str) -> None:
        self.app = app
        self._networks = networks(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if scope["type"] in _SECURE and client and self._is_ours(_address(client[0])):
            scope = {**scope, **self._forwarded(Headers(scope=scope), scope["type"], client)}
        await self.app(scope, receive, send)

    def _forwarded(self, headers: Headers, kind: str, client: tuple[str, int]) -> Scope:
        seen = _entries(headers.getlist("x-forwarded-for"))
        schemes = _entries(headers.getlist("x-forwarded-proto"))
        found: Scope = {}
        for entry in reversed(seen):
            address = _address(entry)
            if address is None:
                break  # not an address: whoever wrote it is no proxy that we know
            found["client"] = (str(address), 0)
            if not self._is_ours(address):
                break
        if schemes:
            found["scheme"] = (_SECURE if schemes[-1].lower() == "https" else _PLAIN)[kind]
        return found

    def _is_ours(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _entries(values: Sequence[str]) -> list[str]:
    return [entry.strip() for value in values for entry in value.split(",") if entry.strip()]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, perhaps in brackets or with a port; None when it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
