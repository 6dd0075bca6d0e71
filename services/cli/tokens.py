"""`gemini-balance tokens`: what clients of the public API present."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.cli.admin_client import AdminAccess, AdminClient, run_admin
from services.cli.errors import CommandError
from services.cli.keys import AsJson, DataDir
from services.cli.output import Row, print_rows, remark, say

app = typer.Typer(no_args_is_help=True, help="Manage the tokens of clients.")

COLUMNS = ("token_id", "name", "tail", "state", "scopes", "pool", "models", "expires", "tags")


@app.command("create")
def create(
    *,
    name: Annotated[str, typer.Option(help="Who will hold it, for people.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="models, files, raw or admin; may be repeated; default models, files."),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A model it may use; may be repeated; default all.")
    ] = None,
    pool: Annotated[str, typer.Option(help="The pool; by default `default`.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be repeated.")] = None,
    days: Annotated[
        float | None, typer.Option(min=0, help="Days until it expires; by default never.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token. It is shown this once, alone on standard output."""
    request = pb.CreateTokenRequest(
        name=name, scopes=scope or [], allowed_models=model or [], pool=pool, tags=tag or []
    )
    if days is not None:
        request.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=days))

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


@app.command("revoke")
def revoke(
    tokens: Annotated[
        list[str], typer.Argument(help="Ids of tokens, or unique beginnings of them.")
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
    expires = ""
    if token.HasField("expire_time"):
        expires = token.expire_time.ToDatetime(UTC).isoformat(timespec="seconds")
    return {
        "token_id": token.token_id,
        "name": token.name,
        "tail": f"…{token.tail}",
        "state": pb.Token.State.Name(token.state).removeprefix("STATE_").lower(),
        "scopes": list(token.scopes),
        "pool": token.pool,
        "models": list(token.allowed_models),
        "expires": expires,
        "tags": list(token.tags),
    }
