"""Which elements of a web page its reader does not see."""

from __future__ import annotations

import re
from typing import Any

_RULE = re.compile(r"([^{}]{1,300})\{([^{}]{0,2000})\}")
_UNSEEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0?\.?0+\s*(?:;|!|$)"
    r"|font-size\s*:\s*[01](?:\.\d+)?(?:px|pt)?\s*(?:;|!|$)"
    r"|text-indent\s*:\s*-\d{3,}|(?:left|top)\s*:\s*-\d{4,}px",
    re.IGNORECASE,
)
_WHITE = re.compile(
    r"(?<![-\w])color\s*:\s*(?:white|#fff(?:fff)?\b|rgba?\(\s*25[0-5]\s*,\s*25[0-5]\s*,\s*25[0-5])",
    re.IGNORECASE,
)
_TRANSPARENT = re.compile(r"(?<![-\w])color\s*:\s*transparent", re.IGNORECASE)
_BACKGROUND = re.compile(
    r"background(?:-color)?\s*:\s*(?!none|transparent|white|#fff|inherit)\S", re.I
)
_SELECTOR = re.compile(r"^(?P<tag>[a-z][a-z0-9]*)?(?:(?P<sign>[.#])(?P<name>[\w-]+))?$", re.I)
_MOST_RULES = 2000


class HiddenRules:
    """What the style sheets within the page hide, by simple selectors; others hide nothing."""

    def __init__(self, root: Any) -> None:
        self._unseen: set[tuple[str, str]] = set()
        self._white: set[tuple[str, str]] = set()
        self._colored: set[tuple[str, str]] = set()
        count = 0
        for sheet in root.iter("style"):
            # "@media print" and the like do not tell what a screen shows.
            text = re.sub(r"@(?:media|supports)[^{]{0,300}\{", "", sheet.text_content()[:200_000])
            for found in _RULE.finditer(text):
                count += 1
                if count > _MOST_RULES:
                    return
                self._learn(found[1], found[2])

    def _learn(self, selectors: str, style: str) -> None:
        for selector in selectors.split(","):
            match = _SELECTOR.match(selector.strip())
            if not match:
                continue
            key = (match["sign"] or "", (match["name"] or match["tag"] or "").lower())
            if _UNSEEN.search(style) or _TRANSPARENT.search(style):
                self._unseen.add(key)
            if _WHITE.search(style):
                self._white.add(key)
            if _BACKGROUND.search(style):
                self._colored.add(key)

    def hides(self, element: Any) -> bool:
        """Whether ``element`` itself is not shown (what is around it was asked before)."""
        if element.get("hidden") is not None:
            return True
        style = element.get("style") or ""
        if _UNSEEN.search(style) or _TRANSPARENT.search(style):
            return True
        keys = _keys(element)
        if any(key in self._unseen for key in keys):
            return True
        white = bool(_WHITE.search(style)) or any(key in self._white for key in keys)
        return white and not self._on_color(element)

    def _on_color(self, element: Any) -> bool:
        """Whether something around ``element`` has a ground on which white can be read."""
        around = [element, *element.iterancestors()]
        return any(
            _BACKGROUND.search(one.get("style") or "")
            or one.get("bgcolor")
            or any(key in self._colored for key in _keys(one))
            for one in around
        )


def _keys(element: Any) -> list[tuple[str, str]]:
    classes = (element.get("class") or "").lower().split()
    return [
        ("", str(element.tag).lower()),
        *((".", name) for name in classes),
        ("#", (element.get("id") or "").lower()),
    ]
