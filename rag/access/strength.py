"""What would be careless beyond this machine: looked at when the service starts."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from rag.settings import Settings, networks

SHORTEST_SECRET = 32
FEWEST_LETTERS = 10


@dataclass(frozen=True, slots=True)
class Weakness:
    """A message for whoever starts the service; ``is_fatal`` when it must not start so."""

    key: str
    is_fatal: bool


def weaknesses(settings: Settings, host: str) -> list[Weakness]:
    """What to change before ``host`` is listened on. On this machine alone nothing is fatal but
    what would let everybody pass for anybody."""
    found = []
    if any(not network.prefixlen for network in networks(settings.trusted_proxies)):
        found.append(Weakness("start.proxies_everybody", is_fatal=True))
    secret = settings.auth_secret.get_secret_value()
    beyond = not _is_this_machine(host)
    if secret and (len(secret) < SHORTEST_SECRET or len(set(secret)) < FEWEST_LETTERS):
        found.append(Weakness("start.secret_weak", is_fatal=beyond))
    if not beyond:
        return found
    if any(not network.prefixlen for network in networks(settings.metrics_networks)):
        found.append(Weakness("start.metrics_everybody", is_fatal=True))
    if not settings.trusted_proxies:
        found.append(Weakness("start.without_tls", is_fatal=False))
    return found


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
