"""`gemini-balance tokens`: what clients of the public API present."""

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from services.cli.admin_access import AdminAccess, run_admin
from services.cli.admin_client import AdminClient
from services.cli.errors import CommandError
from services.cli.options import AsJson, DataDir, Pool
from services.cli.output import Row, print_rows, remark, say
from services.cli.times import iso, parse_end, read_time

app = typer.Typer(no_args_is_help=True, help="Manage the tokens of clients.")

COLUMNS = (
    "token_id",
    "name",
    "tail",
    "state",
    "scopes",
    "pool",
    "models",
    "limits",
    "expires",
    "tags",
    "client_id",
)

Scopes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--scope", help="models, files, raw or admin; may be repeated."),
]
Models: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--model", help="A model it may use, * for any text; may be repeated."),
]
Rpm: TypeAlias = Annotated[
    int | None, typer.Option(min=0, help="Requests in any 60 s; 0 means any number.")
]
Rpd: TypeAlias = Annotated[
    int | None, typer.Option(min=0, help="Requests a day, which ends at midnight US Pacific.")
]
Tpd: TypeAlias = Annotated[int | None, typer.Option(min=0, help="Input and output tokens a day.")]
Expires: TypeAlias = Annotated[
    str, typer.Option(help="When it ends: a time, a span such as 30d, or never.")
]


@app.command("create")
def create(
    *,
    name: Annotated[str, typer.Option(help="Who will hold it, for people.")] = "",
    scope: Scopes = None,
    model: Models = None,
    rpm: Rpm = None,
    rpd: Rpd = None,
    tpd: Tpd = None,
    expires: Expires = "never",
    pool: Pool = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be repeated.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token. It is shown this once, alone on standard output."""
    request = pb.CreateTokenRequest(
        name=name,
        scopes=scope or [],
        allowed_models=model or [],
        pool=pool,
        tags=tag or [],
        limits=pb.ClientLimits(
            requests_per_minute=rpm or 0, requests_per_day=rpd or 0, tokens_per_day=tpd or 0
        ),
    )
    if (end := _parse_expiry(expires)) is not None:
        request.expire_time.FromDatetime(end)

    async def work(admin: AdminClient, access: AdminAccess) -> None:
        made = await admin.create_token(request)
        remark(f"token {made.token.token_id}, shown only this once:")
        say(made.secret)
        if access.demo:
            remark("this is a demo: answers come from a simulator until keys are added")

    run_admin(data_dir, work)


@app.command("list")
def list_(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List tokens, without their text."""

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        found = [_describe(token) async for token in admin.list_tokens()]
        print_rows(COLUMNS, found, as_json=as_json)

    run_admin(data_dir, work)


@app.command("update")
def update(
    token: Annotated[str, typer.Argument(help="The id of a token, or a unique beginning of it.")],
    *,
    name: Annotated[str | None, typer.Option(help="Who holds it, for people.")] = None,
    scope: Scopes = None,
    model: Models = None,
    all_models: Annotated[bool, typer.Option(help="It may use all models again.")] = False,
    rpm: Rpm = None,
    rpd: Rpd = None,
    tpd: Tpd = None,
    expires: Expires = "",
    data_dir: DataDir = None,
) -> None:
    """Change a token. What is not given stays as it is; lists are replaced."""
    if model and all_models:
        raise CommandError("give --model or --all-models, not both", exit_code=2)
    wanted = pb.Token(name=name or "", scopes=scope or [], allowed_models=model or [])
    if expires and (end := _parse_expiry(expires)) is not None:
        wanted.expire_time.FromDatetime(end)
    limits = {"requests_per_minute": rpm, "requests_per_day": rpd, "tokens_per_day": tpd}
    given = {
        "name": name is not None,
        "scopes": bool(scope),
        "allowed_models": bool(model) or all_models,
        "expire_time": bool(expires),
        "limits": any(limit is not None for limit in limits.values()),
    }
    if not any(given.values()):
        raise CommandError("nothing to change was given", exit_code=2)

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        found = _find([known async for known in admin.list_tokens()], token)
        wanted.token_id = found.token_id
        # Limits are one value: those that were not given are told again.
        wanted.limits.CopyFrom(found.limits)
        for field, limit in limits.items():
            if limit is not None:
                setattr(wanted.limits, field, limit)
        mask = FieldMask(paths=[field for field, is_given in given.items() if is_given])
        changed = await admin.update_token(pb.UpdateTokenRequest(token=wanted, update_mask=mask))
        remark(f"{changed.name or changed.token_id} is changed")

    run_admin(data_dir, work)


@app.command("revoke")
def revoke(
    tokens: Annotated[
        list[str],
        typer.Argument(metavar="TOKEN", help="Ids of tokens, or unique beginnings of them."),
    ],
    data_dir: DataDir = None,
) -> None:
    """Revoke tokens for good. Clients are refused within 5 s."""

    async def work(admin: AdminClient, _access: AdminAccess) -> None:
        known = [token async for token in admin.list_tokens()]
        # All must be known before any is revoked.
        for token in [_find(known, name) for name in tokens]:
            await admin.revoke_token(token.token_id)
            advice = "; also remove it from the settings" if token.seeded else ""
            remark(f"{token.name or token.token_id} is revoked{advice}")

    run_admin(data_dir, work)


def _parse_expiry(text: str) -> datetime | None:
    return None if text == "never" else parse_end(text, "--expires", datetime.now(UTC))


def _find(known: list[pb.Token], name: str) -> pb.Token:
    found = [token for token in known if token.token_id == name] or [
        token for token in known if len(name) >= 4 and token.token_id.startswith(name)
    ]
    if not found:
        raise CommandError(f"no token has the id {name}; `tokens list` shows ids")
    if len(found) > 1:
        raise CommandError(f"{len(found)} tokens have ids that begin with {name}")
    return found[0]


def _describe(token: pb.Token) -> Row:
    limits = {
        "rpm": token.limits.requests_per_minute,
        "rpd": token.limits.requests_per_day,
        "tpd": token.limits.tokens_per_day,
    }
    return {
        "token_id": token.token_id,
        "name": token.name,
        "tail": f"…{token.tail}",
        "state": pb.Token.State.Name(token.state).removeprefix("STATE_").lower(),
        "scopes": list(token.scopes),
        "pool": token.pool,
        "models": list(token.allowed_models),
        "limits": [f"{name}={limit}" for name, limit in limits.items() if limit],
        "expires": iso(read_time(token, "expire_time")),
        "tags": list(token.tags),
        "client_id": token.client_id,
    }
