"""`gemini-balance keys`: adding, listing and exporting the upstream keys of the pool."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.cli import key_changes, key_upkeep
from services.cli.admin_access import AdminAccess, explain_failure, run_admin
from services.cli.admin_client import BATCH, AdminClient
from services.cli.errors import CommandError
from services.cli.key_text import parse_keys, read_keys, require_sendable
from services.cli.options import AsJson, DataDir, Pool
from services.cli.output import MOST_SHOWN, Row, print_fields, print_rows, remark, say, to_line
from services.cli.progress import progress
from services.cli.selection import find_keys
from services.cli.times import iso, read_time
from services.kit.errors import RemoteError

app = typer.Typer(no_args_is_help=True, help="Manage the upstream keys of the pool.")

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
ALL_COLUMNS = (
    *COLUMNS,
    "weight",
    "priority",
    "max_in_flight",
    "proxy",
    "egress",
    "seeded",
    "created",
    "last_used",
)


@app.command("add")
def add(
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY",
            help="Keys. Better pasted on standard input: arguments are seen by others.",
        ),
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file that holds keys.")
    ] = None,
    project: Annotated[
        str, typer.Option(help="The project that all of them belong to; by default one each.")
    ] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be repeated.")] = None,
    note: Annotated[str, typer.Option(help="A remark for people.")] = "",
    weight: Annotated[int, typer.Option(min=0, help="Share relative to others; 0 means 1.")] = 0,
    priority: Annotated[int, typer.Option(help="Higher ones are used first.")] = 0,
    max_in_flight: Annotated[
        int, typer.Option(min=0, help="Calls that may run at one time; 0 means any number.")
    ] = 0,
    proxy: Annotated[str, typer.Option(help="The proxy that calls with them go through.")] = "",
    pool: Pool = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add keys: as arguments, from a file, or pasted on standard input."""
    secrets = parse_keys(read_keys(keys or [], file))
    if not secrets:
        raise CommandError("no key was given")
    require_sendable(secrets)
    new = [
        pb.NewKey(
            secret=secret,
            project_id=project,
            note=note,
            tags=tag or [],
            weight=weight,
            priority=priority,
            max_in_flight=max_in_flight,
            proxy_url=proxy,
        )
        for secret in secrets
    ]

    async def work(admin: AdminClient, access: AdminAccess) -> None:
        results = await _create(admin, access, new, pool)
        rows: list[Row] = [
            {**describe(result.key), "result": "added" if result.created else "known already"}
            for result in results
        ]
        if as_json or len(rows) <= MOST_SHOWN or not sys.stdout.isatty():
            print_rows(("key_id", "alias", "project", "result"), rows, as_json=as_json)
        added = sum(result.created for result in results)
        remark(f"{added} added, {len(results) - added} known already")
        if access.demo:
            remark("this is a demo: restart `gemini-balance up` to leave it and use these keys")

    run_admin(data_dir, work)


@app.command("list")
def list_(
    *,
    state: Annotated[
        str, typer.Option(help="Only keys in this state: active, paused, dead or unreadable.")
    ] = "",
    tag: Annotated[str, typer.Option(help="Only keys with this tag.")] = "",
    project: Annotated[str, typer.Option(help="Only keys of this project.")] = "",
    pool: Annotated[str, typer.Option(help="Only keys of this pool.")] = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List keys, without their secrets."""
    wanted = _parse_state(state)

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        found = [
            describe(key)
            async for key in admin.list_keys(tag=tag, pool=pool, state=wanted)
            if project in {"", key.project_id}
        ]
        print_rows(ALL_COLUMNS if as_json else COLUMNS, found, as_json=as_json)

    run_admin(data_dir, work)


@app.command("show")
def show(
    keys: Annotated[
        list[str],
        typer.Argument(metavar="KEY", help="Ids of keys, unique beginnings of them, or aliases."),
    ],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of keys but their secrets, one field a line."""

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        rows = [describe(key) for key in await find_keys(admin, keys)]
        if as_json:
            print_rows(ALL_COLUMNS, rows, as_json=True)
            return
        for row in rows:
            print_fields(ALL_COLUMNS, row)

    run_admin(data_dir, work)


@app.command("export")
def export(
    tag: Annotated[str, typer.Option(help="Only keys with this tag.")] = "",
    pool: Annotated[str, typer.Option(help="Only keys of this pool.")] = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write all that is known of keys but their secrets, tab separated with a heading."""

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        rows = [describe(key) async for key in admin.list_keys(tag=tag, pool=pool)]
        if as_json:
            print_rows(ALL_COLUMNS, rows, as_json=True)
            return
        say("\t".join(ALL_COLUMNS))
        for row in rows:
            say(to_line(ALL_COLUMNS, row))

    run_admin(data_dir, work)


app.add_typer(key_changes.app)
app.add_typer(key_upkeep.app)


def describe(key: pb.Key) -> Row:
    """Return a key for people."""
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
        "weight": key.weight or 1,
        "priority": key.priority,
        "max_in_flight": key.max_in_flight,
        "proxy": key.proxy,
        "egress": key.egress,
        "seeded": key.seeded,
        "created": iso(read_time(key, "create_time")),
        "last_used": iso(read_time(key, "last_use_time")),
    }


async def _create(
    admin: AdminClient, access: AdminAccess, new: list[pb.NewKey], pool: str
) -> list[pb.CreateKeysResponse.Result]:
    results: list[pb.CreateKeysResponse.Result] = []
    with progress("adding keys", len(new)) as show:
        for start in range(0, len(new), BATCH):
            try:
                results += await admin.create_keys(new[start : start + BATCH], pool=pool)
            except RemoteError as error:
                reason = explain_failure(access.target, error)
                raise CommandError(
                    f"{reason}; {start} of {len(new)} keys are in, give all again for the rest"
                    if start
                    else reason
                ) from error
            show(len(results))
    return results


def _parse_state(text: str) -> pb.Key.State.ValueType:
    name = f"STATE_{text.upper() or 'UNSPECIFIED'}"
    if name not in pb.Key.State.keys():  # noqa: SIM118  # an enum wrapper, not a dict
        raise CommandError(f"no such state: {text}", exit_code=2)
    return pb.Key.State.Value(name)
