"""Which address and scheme count, behind which proxies."""

from __future__ import annotations

from typing import Any

import pytest

from rag.api.proxies import TrustedProxies
from rag.settings import Settings

OURS = "10.0.0.0/8, 192.168.1.7/32, ::1"


async def seen(client: str, headers: list[tuple[str, str]], trusted: str = OURS) -> tuple[str, str]:
    """The address and the scheme that the application sees."""
    found: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.update(scope)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "scheme": "http", "client": (client, 5000), "headers": raw}
    await TrustedProxies(app, trusted)(scope, None, None)  # type: ignore[arg-type]
    return found["client"][0], found["scheme"]


FOR = "X-Forwarded-For"
PROTO = "X-Forwarded-Proto"


@pytest.mark.parametrize(
    ("client", "headers", "address", "scheme"),
    [
        # Nobody of ours: whatever it says of itself.
        ("203.0.113.5", [(FOR, "198.51.100.1"), (PROTO, "https")], "203.0.113.5", "http"),
        # One proxy.
        ("10.1.2.3", [(FOR, "198.51.100.1"), (PROTO, "https")], "198.51.100.1", "https"),
        ("10.1.2.3", [], "10.1.2.3", "http"),
        # The caller has made something up; the proxy has added what it saw.
        ("10.1.2.3", [(FOR, "1.1.1.1, 198.51.100.1")], "198.51.100.1", "http"),
        ("10.1.2.3", [(FOR, "1.1.1.1"), (FOR, "198.51.100.1")], "198.51.100.1", "http"),
        ("10.1.2.3", [(PROTO, "https, http")], "10.1.2.3", "http"),
        # Two proxies of ours in a row.
        ("10.1.2.3", [(FOR, "198.51.100.1, 192.168.1.7")], "198.51.100.1", "http"),
        # A machine behind our proxies only.
        ("10.1.2.3", [(FOR, "10.9.9.9")], "10.9.9.9", "http"),
        # What is no address.
        ("10.1.2.3", [(FOR, "unknown")], "10.1.2.3", "http"),
        ("10.1.2.3", [(FOR, "1.1.1.1, <script>, 192.168.1.7")], "192.168.1.7", "http"),
        # With ports, in brackets, and as IPv6 writes IPv4.
        ("10.1.2.3", [(FOR, "198.51.100.1:4711")], "198.51.100.1", "http"),
        ("::1", [(FOR, "[2001:db8::5]:4711"), (PROTO, "HTTPS")], "2001:db8::5", "https"),
        ("::ffff:10.1.2.3", [(FOR, "2001:db8::5")], "2001:db8::5", "http"),
    ],
)
async def test_who_is_believed(
    client: str, headers: list[tuple[str, str]], address: str, scheme: str
) -> None:
    assert await seen(client, headers) == (address, scheme)


async def test_nobody_is_believed_by_default() -> None:
    trusted = Settings().trusted_proxies
    headers = [(FOR, "198.51.100.1"), (PROTO, "https")]
    assert await seen("127.0.0.1", headers, trusted) == ("127.0.0.1", "http")


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="trusted_proxies"):
        Settings(trusted_proxies="10.0.0.0/8, everybody")
