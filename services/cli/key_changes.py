"""`gemini-balance keys`: changing keys that are in the pool, many at once."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from services.cli.admin_access import AdminAccess, run_admin
from services.cli.admin_client import BATCH, AdminClient
from services.cli.errors import CommandError
from services.cli.options import DataDir
from services.cli.output import MOST_SHOWN, remark
from services.cli.progress import progress
from services.cli.selection import KeyNames, WithTag, find_keys, require_choice

app = typer.Typer()

Change = pb.BatchUpdateKeysRequest
REMOVED = "removed"
SKIPPED_SHOWN = 5


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
    change = Change(add_tags=add or [], drop_tags=drop or [])
    _change(data_dir, keys, tag, change, label="tagging", done="tagged")


@app.command("note")
def note(
    text: Annotated[str, typer.Argument(help="The remark; '' takes it away.")],
    keys: KeyNames = None,
    *,
    tag: WithTag = "",
    data_dir: DataDir = None,
) -> None:
    """Set the remark on keys."""
    change = Change(key=pb.Key(note=text), update_mask=FieldMask(paths=["note"]))
    _change(data_dir, keys, tag, change, label="noting", done="noted")


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
    paths = [*values, *(["proxy"] if proxy is not None else [])]
    change = Change(
        key=pb.Key(**values),  # type: ignore[arg-type]  # each value is of its field's type
        update_mask=FieldMask(paths=paths),
        proxy_url=proxy or "",
    )
    _change(data_dir, keys, tag, change, label="changing", done="changed")


@app.command("pause")
def pause(keys: KeyNames = None, *, tag: WithTag = "", data_dir: DataDir = None) -> None:
    """Take keys out of use until they are resumed."""
    change = Change(action=Change.ACTION_PAUSE)
    _change(data_dir, keys, tag, change, label="pausing", done="paused")


@app.command("resume")
def resume(keys: KeyNames = None, *, tag: WithTag = "", data_dir: DataDir = None) -> None:
    """Put paused or dead keys back into use."""
    change = Change(action=Change.ACTION_RESUME)
    _change(data_dir, keys, tag, change, label="resuming", done="in use")


@app.command("remove")
def remove(keys: KeyNames = None, *, tag: WithTag = "", data_dir: DataDir = None) -> None:
    """Remove keys and their secrets for good."""
    change = Change(action=Change.ACTION_DELETE)
    _change(data_dir, keys, tag, change, label="removing", done=REMOVED)


def _change(
    data_dir: Path | None,
    names: list[str] | None,
    tag: str,
    change: pb.BatchUpdateKeysRequest,
    *,
    label: str,
    done: str,
) -> None:
    require_choice(names, tag)

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        if names:
            found = await find_keys(admin, names)
            told = await _change_named(admin, found, change, label)
            if len(found) <= MOST_SHOWN:
                _tell_each(found, told, done)
                return
        else:
            change.filter.tag = tag
            told = await _change_selected(admin, change, label)
            if not told.changed_count + len(told.skipped_key_ids):
                raise CommandError(f"no key has the tag {tag}")
        _tell_all(told, done)

    run_admin(data_dir, work)


async def _change_named(
    admin: AdminClient, keys: Sequence[pb.Key], change: pb.BatchUpdateKeysRequest, label: str
) -> pb.BatchUpdateKeysResponse:
    told = pb.BatchUpdateKeysResponse()
    with progress(label, len(keys)) as show:
        for first in range(0, len(keys), BATCH):
            change.key_ids[:] = [key.key_id for key in keys[first : first + BATCH]]
            async for page in admin.change_keys(change):
                _add(told, page)
            show(told.examined_count)
    return told


async def _change_selected(
    admin: AdminClient, change: pb.BatchUpdateKeysRequest, label: str
) -> pb.BatchUpdateKeysResponse:
    told = pb.BatchUpdateKeysResponse()
    with progress(label) as show:
        async for page in admin.change_keys(change):
            _add(told, page)
            show(told.examined_count, page.total_count)
    return told


def _add(told: pb.BatchUpdateKeysResponse, page: pb.BatchUpdateKeysResponse) -> None:
    told.changed_count += page.changed_count
    told.examined_count += page.examined_count
    told.seeded_key_ids.extend(page.seeded_key_ids)
    told.skipped_key_ids.extend(page.skipped_key_ids)


def _tell_each(keys: Sequence[pb.Key], told: pb.BatchUpdateKeysResponse, done: str) -> None:
    skipped, seeded = set(told.skipped_key_ids), set(told.seeded_key_ids)
    for key in keys:
        if key.key_id not in skipped:
            is_left = done == REMOVED and key.key_id in seeded
            advice = "; also remove it from the settings" if is_left else ""
            remark(f"{key.alias} is {done}{advice}")
    _require_none(skipped)


def _tell_all(told: pb.BatchUpdateKeysResponse, done: str) -> None:
    count, seeded = told.changed_count, len(told.seeded_key_ids)
    advice = f"; also remove {seeded} of them from the settings" if seeded else ""
    are = f"{count} key is" if count == 1 else f"{count} keys are"
    remark(f"{are} {done}{advice if done == REMOVED else ''}")
    _require_none(told.skipped_key_ids)


def _require_none(skipped: Collection[str]) -> None:
    if skipped:
        some = ", ".join(sorted(skipped)[:SKIPPED_SHOWN])
        raise CommandError(
            f"{len(skipped)} keys stay as they were, gone by now or with too many tags: {some}"
        )
