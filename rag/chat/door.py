"""What the browser door has open: built once for each process, by ``rag.start`` or on first use."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from rag.access.accounts import Accounts
from rag.access.api_keys import ApiKeys
from rag.access.login_limit import LoginLimit
from rag.access.rate_limit import RateLimits
from rag.access.secret import auth_secret
from rag.access.sessions import Sessions
from rag.answer.tokens import meter_of
from rag.chat.follow import Follower
from rag.chat.pace import Pace
from rag.errors import StoreDown
from rag.ingest.drafts import Drafts
from rag.ingest.jobs import JobQueue
from rag.services import Services, build_services
from rag.settings import Settings
from rag.store.postgres import is_postgres

logger = logging.getLogger(__name__)
_WARM_UP_S = 5.0


@dataclass(slots=True)
class Door:
    """The services, who may use them, and the manuals that are on their way in."""

    services: Services
    accounts: Accounts
    logins: LoginLimit
    jobs: JobQueue
    drafts: Drafts
    keys: ApiKeys = field(init=False)
    limits: RateLimits = field(init=False)
    pace: Pace = field(default_factory=Pace)
    _works: bool = False
    _following: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.keys = ApiKeys(self.services.database)
        self.limits = RateLimits(self.services.settings)

    @property
    def sessions(self) -> Sessions:
        return Sessions(self.services.database, hours=self.services.settings.session_hours)

    async def start_work(self) -> None:
        """Begin with what runs in the background, in the loop that serves. May be called again."""
        if not self._works:
            self._works = True
            await self.jobs.start()
            await self.drafts.start()
            if is_postgres(self.services.database):
                follower = await asyncio.to_thread(Follower, self.services)
                self._following = asyncio.create_task(follower.keep_following(), name="follower")
            # MLflow's import takes seconds of processor time, which the first question needs more.
            asyncio.get_running_loop().call_later(_WARM_UP_S, self.services.tracer.warm_up)

    async def prepare(self) -> None:
        """Make now what the first question would wait for. Not while manuals are read at the first
        start: both need memory."""
        services = self.services
        await asyncio.to_thread(self.pace.read, services.database)
        await asyncio.to_thread(meter_of, services.settings, services.library)
        try:
            await services.keywords.current()
        except StoreDown as down:  # the first question tries again
            logger.warning("the keyword index is not ready yet: %s", down)

    async def close(self) -> None:
        """Stop what runs in the background and let go of files."""
        if self._following is not None:
            self._following.cancel()
        await self.drafts.stop()
        await self.jobs.stop()
        await asyncio.to_thread(self.services.close)


_open: list[Door] = []


def open_door(settings: Settings, own_folder: Path | None = None) -> Door:
    """Build everything; a second call gives the same. Raises ``RagError`` (data folder in use).

    ``own_folder`` is this process's alone, for what it does not share with others.
    """
    if not _open:
        os.environ["CHAINLIT_AUTH_SECRET"] = auth_secret(settings)
        services = build_services(settings)
        accounts = Accounts(services.database)
        jobs = JobQueue(services)
        folder = (own_folder or settings.data_dir) / "drafts"
        drafts = Drafts(settings, services.library, jobs, folder=folder)
        _open.append(Door(services, accounts, LoginLimit(settings), jobs, drafts))
    return _open[0]


def the_door() -> Door:
    """The door of this process, opened with the settings of the environment when need be."""
    return open_door(Settings())
