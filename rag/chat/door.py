"""What the browser door has open: built once for each process, by ``rag.start`` or on first use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rag.access.accounts import Accounts
from rag.access.login_limit import LoginLimit
from rag.access.secret import auth_secret
from rag.services import Services, build_services
from rag.settings import Settings

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Door:
    """The services and who may use them."""

    services: Services
    accounts: Accounts
    logins: LoginLimit


_open: list[Door] = []


def open_door(settings: Settings) -> Door:
    """Build everything; a second call gives the same. Raises ``RagError`` (data folder in use)."""
    if not _open:
        os.environ["CHAINLIT_AUTH_SECRET"] = auth_secret(settings)
        services = build_services(settings)
        _open.append(Door(services, Accounts(services.database), LoginLimit()))
    return _open[0]


def the_door() -> Door:
    """The door of this process, opened with the settings of the environment when need be."""
    return open_door(Settings())
