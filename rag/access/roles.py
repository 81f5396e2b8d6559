"""The one check of a role; every action, command and route that is not for all calls it."""

from __future__ import annotations

from rag.errors import NotAllowed
from rag.types import Role, User


def require(user: User | None, *roles: Role) -> User:
    """The user, when logged in and of one of ``roles`` (none named: any role will do).

    Raises ``NotAllowed`` with ``error.login_needed`` or ``error.role_needed``.
    """
    if user is None:
        raise NotAllowed("error.login_needed")
    if roles and user.role not in roles:
        raise NotAllowed("error.role_needed")
    return user
