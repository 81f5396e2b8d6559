"""``python -m rag.access keys …``: keys for scripts, made and revoked at the server."""

from __future__ import annotations

import argparse
from typing import Any

from rag.access.api_keys import DEFAULT_DAYS, LONGEST_DAYS, ApiKeys, ApiScope

_CREATOR = "command line"
_SCOPES = ", ".join(scope.value for scope in ApiScope)


def add_key_commands(commands: Any) -> None:
    """Adds ``keys list``, ``keys add`` and ``keys revoke`` to the parser's sub-commands."""
    keys = commands.add_parser("keys", help="keys for scripts (X-API-Key)")
    actions = keys.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="all keys, never their secrets")
    add = actions.add_parser("add", help="a new key; prints it, this once")
    add.add_argument("name", help="what the key is for")
    add.add_argument(
        "--scopes",
        default=ApiScope.ASK.value,
        help=f"what it may do, with commas: {_SCOPES}; default: %(default)s",
    )
    add.add_argument(
        "--days",
        type=int,
        default=DEFAULT_DAYS,
        help=f"until it expires, 1 to {LONGEST_DAYS}; default: %(default)s",
    )
    revoke = actions.add_parser("revoke", help="the key works no more")
    revoke.add_argument("id", help="the id that `keys list` shows")


def run_key_command(arguments: argparse.Namespace, keys: ApiKeys) -> None:
    """Raises ``KeyProblem`` for what cannot be done."""
    if arguments.action == "list":
        for key in keys.list():
            used = (key.last_used_at or "never")[:16]
            scopes = ",".join(sorted(key.scopes))
            expires = key.expires_at[:10]
            print(f"{key.id} {key.state:8} {expires} used {used:16} {scopes:28} {key.name}")
    elif arguments.action == "add":
        wanted = {scope.strip() for scope in arguments.scopes.split(",")} - {""}
        allowed = {scope for scope in ApiScope if scope.value in wanted}
        if len(allowed) < len(wanted):
            raise SystemExit(f"scopes are: {_SCOPES}")
        _, token = keys.create(arguments.name, allowed, created_by=_CREATOR, days=arguments.days)
        print(token)
    else:
        key = keys.revoke(arguments.id)
        print(f"{key.id} {key.state}")
