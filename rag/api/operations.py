"""What an operator's tools ask: ``/health``, ``/ready``, ``/metrics``, and the log's level."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import ip_address
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from rag.access.api_keys import ApiScope
from rag.api.caller import request_language, required
from rag.api.gauges import scrape
from rag.api.health import Health
from rag.chat.door import Door
from rag.messages import say
from rag.observe.logs import level, set_level
from rag.settings import networks
from rag.types import Role

logger = logging.getLogger(__name__)
_NEVER_KEPT = {"Cache-Control": "no-store"}
# What a proxy adds: a request with one of these is not from this machine, whatever its address.
_THROUGH_A_PROXY = ("x-forwarded-for", "x-forwarded-proto", "x-real-ip", "forwarded", "via")


class LogLevel(BaseModel):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]


def operation_routes(door: Door) -> APIRouter:
    """``/health`` and ``/ready`` for everybody, the others for those who may."""
    router = APIRouter(include_in_schema=False)
    health = Health(door)
    allowed = networks(door.services.settings.metrics_networks)
    behind_proxies = bool(door.services.settings.trusted_proxies)

    @router.get("/health")
    async def alive() -> JSONResponse:
        """The process serves; how soon this comes says how busy it is."""
        return JSONResponse({"status": "ok"}, headers=_NEVER_KEPT)

    @router.get("/ready")
    async def ready() -> JSONResponse:
        readiness = await health.readiness()
        status = 200 if readiness.is_ready else 503
        return JSONResponse(readiness.to_json(), status, headers=_NEVER_KEPT)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        local = _is_in(request, allowed) and (behind_proxies or not _came_by_proxy(request))
        if not local:
            key = await asyncio.to_thread(door.keys.find, _key_of(request))
            if key is None or key.state != "active":
                raise _refusal(request, 401, "error.login_needed")
            if ApiScope.METRICS not in key.scopes:
                raise _refusal(request, 403, "error.role_needed")
        content = await scrape(door, health)
        return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST, **_NEVER_KEPT})

    @router.get("/api/admin/log-level")
    async def log_level(request: Request) -> dict[str, str]:
        await required(request, door.accounts, Role.ADMIN)
        return {"level": level()}

    @router.put("/api/admin/log-level")
    async def change_log_level(request: Request, wanted: LogLevel) -> dict[str, str]:
        admin = await required(request, door.accounts, Role.ADMIN)
        set_level(wanted.level)
        logger.warning("the log says %s and more from now on, by %s", wanted.level, admin.id)
        return {"level": level()}

    return router


def _key_of(request: Request) -> str:
    """The API key: its own header, or the one that Prometheus can send."""
    bearer = request.headers.get("authorization", "")
    return request.headers.get("x-api-key") or bearer.removeprefix("Bearer ")


def _came_by_proxy(request: Request) -> bool:
    return any(name in request.headers for name in _THROUGH_A_PROXY)


def _is_in(request: Request, allowed: tuple[object, ...]) -> bool:
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in allowed)  # type: ignore[operator]


def _refusal(request: Request, status: int, key: str) -> HTTPException:
    return HTTPException(status, say(key, request_language(request.headers)))
