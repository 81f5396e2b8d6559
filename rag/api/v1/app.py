"""The API as an application of its own, to be mounted at ``/api/v1``."""

from __future__ import annotations

from fastapi import FastAPI

from rag.api.v1.access import guarded_route
from rag.api.v1.document import add_document
from rag.api.v1.errors import LastResort, handle_errors
from rag.api.v1.library import add_library
from rag.api.v1.pages import add_pages
from rag.api.v1.questions import add_questions
from rag.chat.door import Door


def create_api(door: Door) -> FastAPI:
    """Every operation, behind keys; errors are problem details whatever happens."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    router = app.router
    router.route_class = guarded_route(door)
    add_questions(router, door)
    add_library(router, door)
    add_pages(router, door)
    add_document(router, app)
    handle_errors(app)
    app.add_middleware(LastResort)
    return app
