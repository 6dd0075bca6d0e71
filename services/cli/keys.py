"""`gemini-balance keys`: the upstream keys of the pool."""

import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.cli.admin_client import AdminAccess, AdminClient, run_admin
from services.cli.errors import CommandError
from services.cli.output import Row, print_rows, remark

app = typer.Typer(no_args_is_help=True, help="Manage the upstream keys of the pool.")

DataDir: TypeAlias = Annotated[
    Path | None, typer.Option(help="The data folder of the running `up` to speak to.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyNames: TypeAlias = Annotated[
    list[str], typer.Argument(help="Ids of keys, unique beginnings of them, or aliases.")
]

COLUMNS = (
    "key_id",
    "alias",
    "state",
    "project",
    "pool",
    "successes",
    "failures",
    "in_flight",
    "tags",
    "note",
)

_SEPARATORS = re.compile(r"[\s,;]+")
_WRAPPING = "\"'`[]()"
_SETTING_NAME = re.compile(r"^[A-Z_]+=")


def parse_keys(text: str) -> list[str]:
    """Return the keys in any pasted text, in order and each once.

    Keys may be separated by white space, commas or semicolons, quoted, and
    wrapped as a JSON list or a line of `.env`.
    """
    words = (_SETTING_NAME.sub("", word.strip(_WRAPPING)) for word in _SEPARATORS.split(text))
    return list(dict.fromkeys(key for word in words if (key := word.strip(_WRAPPING))))


@app.command("add")
def add(
    keys: Annotated[
        list[str] | None,
        typer.Argument(help="Keys. Better pasted on standard input: arguments are seen by others."),
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file that holds keys.")
    ] = None,
    project: Annotated[
        str, typer.Option(help="The project that all of them belong to; by default one each.")
    ] = "",
    pool: Annotated[str, typer.Option(help="The pool; by default `default`.")] = "",
    note: Annotated[str, typer.Option(help="A remark for people.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be repeated.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add keys: as arguments, from a file, or pasted on standard input."""
    secrets = parse_keys(_read_keys(keys, file))
    if not secrets:
        raise CommandError("no key was given")
    new = [
        pb.NewKey(secret=secret, project_id=project, note=note, tags=tag or [])
        for secret in secrets
    ]

    async def work(admin: AdminClient, access: AdminAccess) -> None:
        results = await admin.create_keys(new, pool=pool)
        rows: list[Row] = [
            {**_describe(result.key), "result": "added" if result.created else "known already"}
            for result in results
        ]
        print_rows(("key_id", "alias", "project", "result"), rows, as_json=as_json)
        added = sum(result.created for result in results)
        remark(f"{added} added, {len(results) - added} known already")
        if access.demo:
            remark("this is a demo: restart `gemini-balance up` to leave it and use these keys")

    run_admin(data_dir, work)


@app.command("list")
def list_(
    state: Annotated[
        str, typer.Option(help="Only keys in this state: active, paused, dead or unreadable.")
    ] = "",
    tag: Annotated[str, typer.Option(help="Only keys with this tag.")] = "",
    pool: Annotated[str, typer.Option(help="Only keys of this pool.")] = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List keys, without their secrets."""
    wanted = _parse_state(state)

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        found = [_describe(key) async for key in admin.list_keys(tag=tag, pool=pool, state=wanted)]
        print_rows(COLUMNS, found, as_json=as_json)

    run_admin(data_dir, work)


@app.command("pause")
def pause(keys: KeyNames, data_dir: DataDir = None) -> None:
    """Take keys out of use until they are resumed."""

    async def change(admin: AdminClient, key: pb.Key) -> str:
        return f"{(await admin.pause_key(key.key_id)).alias} is paused"

    _change_each(data_dir, keys, change)


@app.command("resume")
def resume(keys: KeyNames, data_dir: DataDir = None) -> None:
    """Put paused or dead keys back into use."""

    async def change(admin: AdminClient, key: pb.Key) -> str:
        return f"{(await admin.resume_key(key.key_id)).alias} is in use"

    _change_each(data_dir, keys, change)


@app.command("remove")
def remove(keys: KeyNames, data_dir: DataDir = None) -> None:
    """Remove keys and their secrets for good."""

    async def change(admin: AdminClient, key: pb.Key) -> str:
        seeded = await admin.delete_key(key.key_id)
        advice = "; also remove it from the settings" if seeded else ""
        return f"{key.alias} is removed{advice}"

    _change_each(data_dir, keys, change)


def _change_each(
    data_dir: Path | None,
    names: list[str],
    change: Callable[[AdminClient, pb.Key], Awaitable[str]],
) -> None:
    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        # All must be known before any is changed.
        found = [await _find(admin, name) for name in names]
        for key in found:
            remark(await change(admin, key))

    run_admin(data_dir, work)


async def _find(admin: AdminClient, name: str) -> pb.Key:
    if key := await admin.get_key(name):
        return key
    found = [
        key
        async for key in admin.list_keys()
        if key.alias == name
        or (len(name) >= 4 and (key.key_id.startswith(name) or key.alias.startswith(name)))
    ]
    if not found:
        raise CommandError(f"no key is called {name}; `keys list` shows ids and aliases")
    if len(found) > 1:
        raise CommandError(f"{len(found)} keys are called {name}; give the whole id")
    return found[0]


def _read_keys(arguments: list[str] | None, file: Path | None) -> str:
    if arguments and file:
        raise CommandError("give keys as arguments or in a file, not both", exit_code=2)
    if arguments:
        return "\n".join(arguments)
    if file:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
    if sys.stdin.isatty():
        remark("paste keys, then press Ctrl-D:")
    return sys.stdin.read()


def _parse_state(text: str) -> pb.Key.State.ValueType:
    name = f"STATE_{text.upper() or 'UNSPECIFIED'}"
    if name not in pb.Key.State.keys():  # noqa: SIM118  # an enum wrapper, not a dict
        raise CommandError(f"no such state: {text}", exit_code=2)
    return pb.Key.State.Value(name)


def _describe(key: pb.Key) -> Row:
    state = pb.Key.State.Name(key.state).removeprefix("STATE_").lower()
    return {
        "key_id": key.key_id,
        "alias": key.alias,
        "state": f"{state} ({key.dead_reason})" if key.dead_reason else state,
        "project": key.project_id,
        "pool": key.pool,
        "successes": key.success_count,
        "failures": key.failure_count,
        "in_flight": key.in_flight_count,
        "tags": list(key.tags),
        "note": key.note,
    }
