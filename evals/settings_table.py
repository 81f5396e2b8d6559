"""The README's table of settings, from the settings class: ``python -m evals.settings_table``."""

from __future__ import annotations

from pydantic import SecretStr

from rag.settings import Settings


def settings_table() -> str:
    """A Markdown table with one row a field: environment variable, default, description."""
    rows = ["| Variable | Default | What it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if isinstance(field.default, SecretStr) else str(field.default)
        shown = f"`{default}`" if default else "–"
        rows.append(f"| `{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(settings_table())
