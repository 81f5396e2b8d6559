"""``python -m rag.access``: accounts and keys, for the person who looks after the server."""

from __future__ import annotations

import argparse
import getpass
import sys

from rag.access.accounts import Accounts, random_password
from rag.access.api_keys import ApiKeys
from rag.access.key_commands import add_key_commands, run_key_command
from rag.errors import RagError
from rag.messages import language_of_shell, say
from rag.settings import read_settings
from rag.store.database import open_database
from rag.types import Role


def main() -> int:
    arguments = _parser().parse_args()
    language = language_of_shell()
    try:
        engine = open_database(read_settings())
        try:
            if arguments.command == "keys":
                run_key_command(arguments, ApiKeys(engine))
            else:
                _run(arguments, Accounts(engine))
        finally:
            engine.dispose()
    except RagError as error:
        print(say(error.key, language, **error.values), file=sys.stderr)
        return 1
    return 0


def _run(arguments: argparse.Namespace, accounts: Accounts) -> None:
    if arguments.command == "list":
        for account in accounts.list():
            state = "disabled" if account.disabled else "active"
            print(f"{account.name:24} {account.role.value:12} {state}")
    elif arguments.command == "add":
        password = _password(arguments)
        accounts.create(arguments.name, password, Role(arguments.role))
        _show(arguments, password)
    elif arguments.command == "password":
        password = _password(arguments)
        accounts.set_password(arguments.name, password)
        _show(arguments, password)
    elif arguments.command == "disable":
        accounts.disable(arguments.name)
    else:
        accounts.enable(arguments.name)


def _password(arguments: argparse.Namespace) -> str:
    """Typed without echo when asked for, else random: never an argument that `ps` would show."""
    return getpass.getpass("Password: ") if arguments.ask else random_password()


def _show(arguments: argparse.Namespace, password: str) -> None:
    if not arguments.ask:
        print(f"{arguments.name}: {password}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rag.access", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="all accounts")
    add = commands.add_parser("add", help="a new account; prints a random password")
    password = commands.add_parser("password", help="a new password for an account")
    disable = commands.add_parser("disable", help="no log-in any more")
    enable = commands.add_parser("enable", help="log-in again")
    add_key_commands(commands)
    for command in (add, password, disable, enable):
        command.add_argument("name")
    add.add_argument("role", choices=[role.value for role in Role])
    for command in (add, password):
        command.add_argument("--ask", action="store_true", help="type the password instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
