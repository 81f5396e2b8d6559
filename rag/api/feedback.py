"""Ratings from the browser: only one's own answers, whatever the browser sends."""

from __future__ import annotations

import asyncio
from typing import Literal

from chainlit.data import get_data_layer
from chainlit.types import Feedback
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from rag.access.accounts import Accounts
from rag.access.pseudonym import pseudonym
from rag.api.caller import request_language, required
from rag.messages import say
from rag.observe.tracing import Tracer
from rag.settings import Settings


class Rating(BaseModel):
    """Thumbs up (1) or down (0); ``forId`` is the run that the answer came from."""

    forId: str = Field(min_length=1, max_length=64)
    value: Literal[0, 1]
    threadId: str | None = None
    comment: str | None = Field(None, max_length=4000)
    reason: Literal["wrong_page", "wrong_value", "warning_missing"] | None = None


class RatingGiven(BaseModel):
    feedback: Rating


class RatingTakenBack(BaseModel):
    """A rating has the id of what it rates."""

    feedbackId: str = Field(min_length=1, max_length=64)


def feedback_routes(accounts: Accounts, tracer: Tracer, settings: Settings) -> APIRouter:
    """``PUT /feedback`` and ``DELETE /feedback``, as Chainlit's page calls them; and what was said
    of an answer, for the buttons under it."""
    router = APIRouter()

    @router.get("/feedback/{run}")
    async def said(request: Request, run: str) -> dict[str, str]:
        user = await required(request, accounts)
        reason = await asyncio.to_thread(
            tracer.reason_of, run, pseudonym=pseudonym(user.id, settings)
        )
        return {"reason": reason}

    @router.put("/feedback")
    async def rate(request: Request, given: RatingGiven) -> JSONResponse:
        user = await required(request, accounts)
        rating = given.feedback
        await asyncio.to_thread(
            tracer.rate,
            rating.forId,
            rating.value,
            reason=rating.reason or "",
            comment=rating.comment or "",
            pseudonym=pseudonym(user.id, settings),
        )
        shown = rating.model_dump(exclude={"reason"})
        if rating.reason and not rating.comment:
            # The thumb tells it after a reload.
            shown["comment"] = say(f"tool.{rating.reason}", request_language(request.headers))
        await get_data_layer().upsert_feedback(Feedback(id=rating.forId, **shown))
        return JSONResponse({"success": True, "feedbackId": rating.forId})

    @router.delete("/feedback")
    async def take_back(request: Request, taken: RatingTakenBack) -> JSONResponse:
        user = await required(request, accounts)
        await asyncio.to_thread(
            tracer.withdraw, taken.feedbackId, pseudonym=pseudonym(user.id, settings)
        )
        await get_data_layer().delete_feedback(taken.feedbackId)
        return JSONResponse({"success": True})

    return router
