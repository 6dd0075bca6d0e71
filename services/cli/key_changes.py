"""`gemini-balance keys`: changing keys that are in the pool, several at once."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from services.cli.admin_access import AdminAccess, run_admin
from services.cli.admin_client import AdminClient
from services.cli.errors import CommandError
from services.cli.options import DataDir
from services.cli.output import remark
from services.cli.progress import each
from services.cli.selection import KeyNames, WithTag, find_keys

app = typer.Typer()


@app.command("tag")
def tag_(
    keys: KeyNames = None,
    *,
    add: Annotated[list[str] | None, typer.Option(help="A tag to add; may be repeated.")] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="A tag to take away; may be repeated.")
    ] = None,
    tag: WithTag = "",
    data_dir: DataDir = None,
) -> None:
    """Add tags to keys, or take tags away."""
    if not add and not drop:
        raise CommandError("give --add or --drop", exit_code=2)

    async def change(admin: AdminClient, key: pb.Key) -> str:
        tags = [name for name in key.tags if name not in (drop or [])]
        tags += [name for name in dict.fromkeys(add or []) if name not in tags]
        changed = await _update(admin, key, tags=tags)
        return f"{changed.alias} has the tags {', '.join(changed.tags) or '(none)'}"

    _change_each(data_dir, keys, tag, "tagging", change)


@app.command("note")
def note(
    text: Annotated[str, typer.Argument(help="The remark; '' takes it away.")],
    keys: KeyNames = None,
    *,
    tag: WithTag = "",
    data_dir: DataDir = None,
) -> None:
    """Set the remark on keys."""

    async def change(admin: AdminClient, key: pb.Key) -> str:
        changed = await _update(admin, key, note=text)
        return f"{changed.alias} is noted: {changed.note or '(nothing)'}"

    _change_each(data_dir, keys, tag, "noting", change)


@app.command("set")
def set_(
    keys: KeyNames = None,
    *,
    project: Annotated[str | None, typer.Option(help="The project that they belong to.")] = None,
    weight: Annotated[int | None, typer.Option(min=1, help="Share relative to others.")] = None,
    priority: Annotated[int | None, typer.Option(help="Higher ones are used first.")] = None,
    max_in_flight: Annotated[
        int | None, typer.Option(min=0, help="Calls that may run at one time; 0 means any number.")
    ] = None,
    proxy: Annotated[str | None, typer.Option(help="The proxy; '' means none.")] = None,
    tag: WithTag = "",
    data_dir: DataDir = None,
) -> None:
    """Set the project, weight, priority, concurrency or proxy of keys."""
    given = {
        "project_id": project,
        "weight": weight,
        "priority": priority,
        "max_in_flight": max_in_flight,
    }
    values = {name: value for name, value in given.items() if value is not None}
    if not values and proxy is None:
        raise CommandError("nothing to set was given", exit_code=2)

    async def change(admin: AdminClient, key: pb.Key) -> str:
        return f"{(await _update(admin, key, proxy, **values)).alias} is changed"

    _change_each(data_dir, keys, tag, "changing", change)


@app.command("pause")
def pause(keys: KeyNames = None, *, tag: WithTag = "", data_dir: DataDir = None) -> None:
    """Take keys out of use until they are resumed."""

    async def change(admin: AdminClient, key: pb.Key) -> str:
        return f"{(await admin.pause_key(key.key_id)).alias} is paused"

    _change_each(data_dir, keys, tag, "pausing", change)


@app.command("resume")
def resume(keys: KeyNames = None, *, tag: WithTag = "", data_dir: DataDir = None) -> None:
    """Put paused or dead keys back into use."""

    async def change(admin: AdminClient, key: pb.Key) -> str:
        return f"{(await admin.resume_key(key.key_id)).alias} is in use"

    _change_each(data_dir, keys, tag, "resuming", change)


@app.command("remove")
def remove(keys: KeyNames = None, *, tag: WithTag = "", data_dir: DataDir = None) -> None:
    """Remove keys and their secrets for good."""

    async def change(admin: AdminClient, key: pb.Key) -> str:
        seeded = await admin.delete_key(key.key_id)
        advice = "; also remove it from the settings" if seeded else ""
        return f"{key.alias} is removed{advice}"

    _change_each(data_dir, keys, tag, "removing", change)


async def _update(
    admin: AdminClient, key: pb.Key, proxy: str | None = None, **values: Any
) -> pb.Key:
    paths = [*values, *(["proxy"] if proxy is not None else [])]
    return await admin.update_key(
        pb.UpdateKeyRequest(
            key=pb.Key(key_id=key.key_id, **values),
            update_mask=FieldMask(paths=paths),
            proxy_url=proxy or "",
        )
    )


def _change_each(
    data_dir: Path | None,
    names: list[str] | None,
    tag: str,
    label: str,
    change: Callable[[AdminClient, pb.Key], Awaitable[str]],
) -> None:
    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        found = await find_keys(admin, names, tag=tag)
        for line in await each(label, found, lambda key: change(admin, key)):
            remark(line)

    run_admin(data_dir, work)
