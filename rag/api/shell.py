"""Chainlit's one HTML page, without what it would load from elsewhere, in German or English."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache

from starlette.requests import Request
from starlette.responses import HTMLResponse

from rag.api.caller import request_language
from rag.api.guards import PAGE_POLICY
from rag.messages import words
from rag.types import Language

# Style sheets and fonts of other hosts: without a network they would hold the page up for a minute.
_FOREIGN_LINK = re.compile(r"<link\b[^>]*href=\"https?://[^>]*>\s*", re.DOTALL)
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_TEXTS = "page."


async def serve_shell(request: Request) -> HTMLResponse:
    """The page, whatever its path: the browser's router does the rest."""
    content, policy = _shell(request_language(request.headers))
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-cache",
        "Vary": "Accept-Language",
    }
    return HTMLResponse(content, headers=headers)


@cache
def _shell(language: Language) -> tuple[str, str]:
    """The page and the policy that lets exactly its own inline scripts run."""
    from chainlit.server import get_html_template

    page = _FOREIGN_LINK.sub("", get_html_template(""))
    page = page.replace('<html lang="en">', f'<html lang="{language}">', 1)
    data = json.dumps(words(_TEXTS, language), ensure_ascii=False).replace("<", "\\u003c")
    block = f'<script type="application/json" id="millwright-texts">{data}</script>'
    page = page.replace("</head>", f"  {block}\n  </head>", 1)
    hashes = "".join(f" 'sha256-{_hash(script)}'" for script in _INLINE_SCRIPT.findall(page))
    # react-runner evaluates the element files of public/elements: what 'unsafe-eval' is for.
    return page, PAGE_POLICY.format(scripts=f" 'unsafe-eval'{hashes}")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
