"""The language model for admins: is it there, on which hosts, and fetch it. For the
``LanguageModel`` element."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from rag.api.caller import request_language
from rag.api.manual_rows import admin_of
from rag.chat.door import Door
from rag.errors import RagError
from rag.messages import say
from rag.models.hosts import Host, hosts_of, llm_health
from rag.models.pull import pull_of
from rag.types import Language

logger = logging.getLogger(__name__)


def model_routes(door: Door) -> APIRouter:
    """``/api/admin/model``: 401 for strangers, 403 for other roles. Only the model that is set up
    can be fetched, and only onto the hosts that are set up."""
    router = APIRouter(prefix="/api/admin/model", include_in_schema=False)
    settings = door.services.settings

    def host_of(number: int) -> Host:
        hosts = hosts_of(settings).all
        if not 0 <= number < len(hosts):
            raise RagError("error.host_unknown")
        return hosts[number]

    async def shown(request: Request) -> dict[str, Any]:
        language = request_language(request.headers)
        health = await llm_health(settings)
        for row, host in zip(health["hosts"], hosts_of(settings).all, strict=True):
            row["pull"] = _pull_row(host, language)
        return health

    @router.get("")
    async def state(request: Request) -> dict[str, Any]:
        await admin_of(request, door)
        return await shown(request)

    @router.post("/{number}/pull", status_code=202)
    async def pull(request: Request, number: int) -> dict[str, Any]:
        admin = await admin_of(request, door)
        pull_of(host_of(number)).start()
        logger.info("fetching the model %s, by %s", settings.ollama_model, admin.id)
        return await shown(request)

    @router.post("/{number}/cancel")
    async def cancel(request: Request, number: int) -> dict[str, Any]:
        await admin_of(request, door)
        await pull_of(host_of(number)).cancel()
        return await shown(request)

    return router


def _pull_row(host: Host, language: Language) -> dict[str, Any]:
    """How far the host's pull is, with what went wrong in the admin's words."""
    state = pull_of(host).state
    row = asdict(state)
    key = row.pop("error_key")
    if key:
        row["error"] = say(key, language, model=host.settings.ollama_model, status="")
    return row
