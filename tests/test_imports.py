"""Imports go one way, as ``rag/__init__.py`` describes; checked on the syntax tree."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the bottom up; a module may import from its own layer's package and from layers below.
LAYERS: list[tuple[str, ...]] = [
    ("rag.types",),
    (
        "rag.settings",
        "rag.errors",
        "rag.language",
        "rag.codes",
        "rag.messages",
        "rag.flights",
        "rag.lean",
    ),
    ("rag.models", "rag.store", "rag.access", "rag.observe"),
    ("rag.retrieve", "rag.ingest", "rag.backup"),
    ("rag.services",),
    (
        "rag.answer",
        *(f"rag.ingest.{name}" for name in ("manual", "uploads", "peers", "jobs", "drafts")),
    ),
    ("rag.api", "rag.chat", "rag.start", "rag.serving"),
    ("chainlit_app", "evals"),
]


def layer_of(module: str) -> int | None:
    """The layer of the longest name that ``module`` starts with; ``None`` outside the product."""
    found: tuple[int, int] | None = None
    for height, names in enumerate(LAYERS):
        for name in names:
            if (module == name or module.startswith(f"{name}.")) and (
                found is None or len(name) > found[0]
            ):
                found = (len(name), height)
    return found[1] if found else None


def imported(tree: ast.Module, module: str, is_package: bool) -> list[tuple[str, int]]:
    """Every imported module with its line, function bodies included, TYPE_CHECKING blocks not."""
    names: list[tuple[str, int]] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            names += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: None if is_package else -1]
                kept = parents[: len(parents) - node.level + 1]
                base = ".".join([*kept, *([base] if base else [])])
            names += [(f"{base}.{alias.name}", node.lineno) for alias in node.names]
        waiting.extend(ast.iter_child_nodes(node))
    return names


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    own = layer_of(module)
    found = []
    for name, line in imported(ast.parse(source), module, is_package):
        other = layer_of(name)
        if own is not None and other is not None and other > own:
            found.append(f"{module}:{line} imports {name}, which lies above it")
    return found


def product_files() -> list[Path]:
    return [*sorted((ROOT / "rag").rglob("*.py")), *ROOT.glob("chainlit_app.py")]


@pytest.mark.parametrize("path", product_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_nothing_from_above(path: Path) -> None:
    is_package = path.name == "__init__.py"
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = ".".join(parts[:-1] if is_package else parts)

    assert layer_of(module) is not None or module == "rag", f"{module} has no layer"
    assert violations(path.read_text(encoding="utf-8"), module, is_package) == []


def test_an_import_from_above_is_seen() -> None:
    above = "def load():\n    from rag.answer.ask import ask\n"
    relative = "from ..answer import ask\n"
    typing_only = "if TYPE_CHECKING:\n    from rag.answer.ask import ask\n"

    assert violations(above, "rag.store.library")
    assert violations(relative, "rag.store.library")
    assert violations("from rag import services", "rag.retrieve.find")
    assert not violations(typing_only, "rag.store.library")
    assert not violations("from rag.retrieve.find import x", "rag.answer.ask")


def test_the_package_itself_imports_nothing() -> None:
    tree = ast.parse((ROOT / "rag" / "__init__.py").read_text(encoding="utf-8"))

    assert imported(tree, "rag", True) == []
