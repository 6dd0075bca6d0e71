"""Which keys a command is about: named ones, those with a tag, or all."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.cli.admin_client import AdminClient
from services.cli.errors import CommandError

KeyNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY", help="Ids of keys, unique beginnings of them, or aliases."),
]
WithTag: TypeAlias = Annotated[str, typer.Option("--tag", help="All keys with this tag.")]

_SHORTEST_BEGINNING = 4


def require_choice(names: Sequence[str] | None, tag: str, *, everything: bool = False) -> None:
    """Raise a `CommandError` with exit code 2 unless keys are chosen in just one way."""
    if sum((bool(names), bool(tag), everything)) != 1:
        options = "keys, --tag or --all" if everything else "keys or --tag"
        raise CommandError(f"name either {options}", exit_code=2)


async def find_keys(
    admin: AdminClient, names: Sequence[str] | None, *, tag: str = "", everything: bool = False
) -> list[pb.Key]:
    """Return the keys that are meant, each once; all must be known before any is changed.

    Raises:
        CommandError: None is meant, or a name fits none or several.
    """
    require_choice(names, tag, everything=everything)
    if names:
        return await _find_named(admin, names)
    found = [key async for key in admin.list_keys(tag=tag)]
    if not found:
        raise CommandError(f"no key has the tag {tag}" if tag else "there is no key")
    return found


async def _find_named(admin: AdminClient, names: Sequence[str]) -> list[pb.Key]:
    found: dict[str, pb.Key] = {}
    known: list[pb.Key] | None = None
    for name in names:
        key = await admin.get_key(name)
        if key is None:
            if known is None:
                known = [key async for key in admin.list_keys()]
            key = _pick(known, name)
        found[key.key_id] = key
    return list(found.values())


def _pick(known: Sequence[pb.Key], name: str) -> pb.Key:
    found = [key for key in known if key.alias == name] or [
        key
        for key in known
        if len(name) >= _SHORTEST_BEGINNING
        and (key.key_id.startswith(name) or key.alias.startswith(name))
    ]
    if not found:
        raise CommandError(f"no key is called {name}; `keys list` shows ids and aliases")
    if len(found) > 1:
        raise CommandError(f"{len(found)} keys are called {name}; give the whole id")
    return found[0]
