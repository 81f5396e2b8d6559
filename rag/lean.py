"""What other packages import at their start and nothing here uses: left out.

Chainlit imports MCP (switched off here, its route closed) and LiteralAI's client, which brings
traceloop and half of OpenTelemetry; LangChain imports LangSmith, whose types of a web API are
hundreds of models; jsonschema compiles a grammar when ``rfc3987_syntax`` is installed, as it is
for the tests. Measured: 1.3 of 4.2 s of processor time and 36 of 196 MB of a start's imports.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

# Module by module, with the names that are imported from it.
STOOD_IN = {
    "mcp": ("ClientSession",),
    "traceloop": (),
    "traceloop.sdk": ("Traceloop",),
    "langsmith.types": (),
    "langsmith.types.run_select_field": ("RunSelectField",),
}
# Imported only where it is there; ``None`` says that it is not.
_MISSING = ("rfc3987_syntax",)


class LeftOut:
    """Stands where a class would; may be named, not used."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("this package is left out of the service, see rag/lean.py")


def leave_out() -> None:
    """Before the first import of Chainlit or LangChain; what is already imported stays."""
    for name, members in STOOD_IN.items():
        if name not in sys.modules:
            module = ModuleType(name)
            module.__path__ = []  # a package without parts: importing one says that it is missing
            for member in members:
                setattr(module, member, LeftOut)
            sys.modules[name] = module
    for name in _MISSING:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # Python's own sign for it
