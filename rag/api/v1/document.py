"""The description of the API: OpenAPI for programs, and a page made of it for people.

The page is plain HTML without any script, so it works offline and under the strictest policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute
from starlette.requests import Request

from rag.api.problems import API, MEDIA_TYPE
from rag.api.v1.access import KEY_HEADER, Access, caller_of, needs
from rag.api.v1.examples import problem
from rag.messages import catalogue, say
from rag.types import Language

TITLE = "Millwright"
VERSION = "1"
_ABOUT = (
    "Answers from machine manuals, with the page. Keys are made by admins (command “API keys” in "
    "the chat, or `python -m rag.access keys add`) and sent as `X-API-Key`. Every error is "
    "`application/problem+json` (RFC 9457) in the language of `Accept-Language` (de or en); its "
    "`request_id` is that of the header `X-Request-ID`, which a caller may set."
)
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "examples": [problem(404)],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "The reason as one word, to be compared."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_ALWAYS = (400, 401, 403, 404, 405, 408, 413, 422, 429, 500, 503)


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: what FastAPI finds, with keys, scopes and problems."""
    document = get_openapi(
        title=TITLE,
        version=VERSION,
        description=_ABOUT,
        routes=app.routes,
        servers=[{"url": API}],
    )
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    parts["securitySchemes"] = {
        "key": {"type": "apiKey", "in": "header", "name": KEY_HEADER},
        "session": {"type": "apiKey", "in": "cookie", "name": "access_token"},
    }
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                operation = document["paths"][route.path][method.lower()]
                _complete(operation, route.endpoint.access)  # type: ignore[attr-defined]
    return document


def _complete(operation: dict[str, Any], access: Access) -> None:
    for content in operation["responses"].get("200", {}).get("content", {}).values():
        if "itemSchema" in content:  # each event by itself; there is no schema for all of them
            content.pop("schema", None)
    operation["security"] = [{"key": []}]
    if access.session:
        operation["security"].append({"session": []})
    if access.scopes:
        operation["x-scopes"] = sorted(access.scopes)
    statuses = [*_ALWAYS]
    statuses += [415] if access.content else []
    statuses += [409] if "upload" in access.scopes else []
    schema = {"$ref": "#/components/schemas/Problem"}
    for status in sorted(statuses):
        title = catalogue()[f"problem.{status}.title"]["en"]
        headers = {"Retry-After": {"schema": {"type": "integer"}}} if status == 429 else None
        content = {MEDIA_TYPE: {"schema": schema, "example": problem(status)}}
        response: dict[str, Any] = {"description": title, "content": content}
        operation["responses"][str(status)] = response | ({"headers": headers} if headers else {})


def add_document(router: APIRouter, app: FastAPI) -> None:
    """``/openapi.json`` and ``/docs``: for keys of any scope, and for whoever is logged in."""

    @cache
    def document() -> dict[str, Any]:
        return describe(app)

    @router.get("/openapi.json", include_in_schema=False)
    @needs(session=True)
    async def openapi() -> JSONResponse:
        return JSONResponse(document())

    @router.get("/docs", include_in_schema=False)
    @needs(session=True)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(page(document(), caller_of(request).language))


# --- for people ----------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8886; padding-top: 1rem; overflow-wrap: anywhere; }
h2 small { font-weight: normal; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: #8881; padding: .75rem; overflow: auto; border-radius: .4rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
.method { display: inline-block; min-width: 4.5rem; font-weight: bold; }
"""


def page(document: Mapping[str, Any], language: Language) -> str:
    """The whole page as HTML; everything from the document is escaped."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    contents = "".join(
        f'<li><a href="#{_anchor(method, path)}"><span class="method">{method}</span>'
        f"<code>{escape(API + path)}</code></a> {escape(one['summary'])}</li>"
        for method, path, one in operations
    )
    sections = "".join(_section(document, *one, language) for one in operations)
    sections += _schemas(document, language)
    title = escape(f"{TITLE}: {say('api.docs', language)}")
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>"
        f'<p lang="en">{_text(_ABOUT)}</p><p><a href="{API}/openapi.json">openapi.json</a></p>'
        f"<ul>{contents}</ul>{sections}{_problems(language)}</main></body></html>"
    )


def _section(
    document: Mapping[str, Any],
    method: str,
    path: str,
    operation: Mapping[str, Any],
    language: Language,
) -> str:
    scopes = " / ".join(operation.get("x-scopes", ()))
    parts = [
        f'<section lang="en"><h2 id="{_anchor(method, path)}">{method} '
        f"<code>{escape(API + path)}</code></h2><p><b>{escape(operation['summary'])}</b></p>",
        f"<p>{_text(operation.get('description', ''))}</p>",
        f"<p>{escape(say('api.scopes', language))}: <code>{escape(scopes)}</code></p>",
    ]
    if rows := "".join(_row(one["name"], one["schema"], one) for one in _parameters(operation)):
        parts.append(f"<table>{rows}</table>")
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        schema = _resolved(document, body["schema"])
        rows = "".join(_row(name, one, one) for name, one in schema["properties"].items())
        parts.append(f"<p><code>{escape(kind)}</code></p><table>{rows}</table>")
        parts += [_example(one) for one in schema.get("examples", ())]
    answers = [status for status in operation["responses"] if status.startswith("2")]
    for status in answers:
        for kind, body in operation["responses"][status].get("content", {}).items():
            parts.append(f"<p>{status} <code>{escape(kind)}</code></p>")
            schema = _resolved(document, body.get("schema", {}))
            rows = "".join(
                _row(name, one, one) for name, one in schema.get("properties", {}).items()
            )
            parts.append(f"<table>{rows}</table>" if rows else "")
            parts += [_example(one) for one in schema.get("examples", ())]
    return "".join([*parts, "</section>"])


def _schemas(document: Mapping[str, Any], language: Language) -> str:
    """What the operations' tables only name."""
    parts = [f"<h2>{escape(say('api.schemas', language))}</h2>"]
    for name, schema in sorted(document["components"]["schemas"].items()):
        rows = "".join(_row(key, one, one) for key, one in schema.get("properties", {}).items())
        about = _text(schema.get("description", ""))
        heading = f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3>'
        parts.append(f'<section lang="en">{heading}<p>{about}</p><table>{rows}</table></section>')
    return "".join(parts)


def _problems(language: Language) -> str:
    rows = "".join(
        f'<tr id="problem-{status}"><td>{status}</td><td>{escape(say(key, language))}</td></tr>'
        for status in sorted({*_ALWAYS, 409, 415})
        if (key := f"problem.{status}.title") in catalogue()
    )
    heading = f"<h2>{escape(say('api.problems', language))}</h2><p><code>{MEDIA_TYPE}</code></p>"
    return f"{heading}{_example(problem(404))}<table>{rows}</table>"


def _parameters(operation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = operation.get("parameters", [])
    return found


def _row(name: str, schema: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    description = about.get("description", schema.get("description", ""))
    return (
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_kind(schema))}</td>"
        f"<td>{_text(description)}</td></tr>"
    )


def _kind(schema: Mapping[str, Any]) -> str:
    """The type of a value in a few words."""
    if reference := schema.get("$ref"):
        return str(reference).rpartition("/")[2]
    if choices := schema.get("enum"):
        return " | ".join(json.dumps(one) for one in choices)
    if options := schema.get("anyOf"):
        return " | ".join(_kind(one) for one in options)
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    return str(schema.get("type", ""))


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = document["components"]["schemas"].get(name, schema)
    return found


def _anchor(method: str, path: str) -> str:
    return escape(f"{method.lower()}{path.replace('/', '-').replace('{', '').replace('}', '')}")


def _text(text: str) -> str:
    """Escaped, with `code` between back-ticks."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{one}</code>" if i % 2 else one for i, one in enumerate(pieces))


def _example(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, ensure_ascii=False, indent=2))}</pre>"
