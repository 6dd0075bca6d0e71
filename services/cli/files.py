"""`gemini-balance files`: the files of a client, by the public API; alone, the files service."""

import mimetypes
import stat
import time
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from services.cli.client_access import ClientAccess, find_client_access
from services.cli.errors import CommandError
from services.cli.options import AsJson, DataDir
from services.cli.output import Row, print_rows, remark
from services.cli.progress import transfer
from services.cli.public_files import FileJson, PublicFiles, read_name
from services.cli.service import run_service
from services.cli.upload_notes import UploadKey, held_note
from services.cli.uploading import Source, Upload

app = typer.Typer()

COLUMNS = ("name", "display_name", "mime_type", "size_bytes", "state", "expires")
ALL_COLUMNS = (*COLUMNS, "uri", "created", "sha256")

_POLL_SECONDS = 1.0
_LONGEST_PROCESSING = 3600.0

Url: TypeAlias = Annotated[str, typer.Option(help="The address of the public API.")]
Token: TypeAlias = Annotated[
    str,
    typer.Option(
        help="A client token. Better in GEMINI_BALANCE_TOKEN: arguments are seen by others."
    ),
]
Names: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="NAME", help="Names of files, such as files/abc123.")
]


@app.callback(invoke_without_command=True)
def files_command(context: typer.Context) -> None:
    """Run the files service alone, as set by the environment; or a command about files."""
    if context.invoked_subcommand is None:
        run_service("files")


@app.command("upload")
def upload(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", exists=True, dir_okay=False, readable=True, help="Files."),
    ],
    *,
    name: Annotated[
        str, typer.Option(help="The name that it shows; by default that of the file.")
    ] = "",
    mime_type: Annotated[
        str, typer.Option(help="Its media type; by default by its name or its first bytes.")
    ] = "",
    url: Url = "",
    token: Token = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Upload files and wait until they can be used. Broken off, the same command goes on."""
    if name and len(paths) > 1:
        raise CommandError("--name is for one file", exit_code=2)
    sources = [_read_source(path, name, mime_type) for path in paths]
    access = find_client_access(url=url, token=token, data_dir=data_dir)
    rows: list[Row] = []
    with PublicFiles(access) as api:
        try:
            rows += (describe(_upload(api, access, source)) for source in sources)
        finally:
            # What is done is told, whatever became of the rest.
            if rows or as_json:
                print_rows(ALL_COLUMNS if as_json else ("name", "uri"), rows, as_json=as_json)


@app.command("list")
def list_(
    url: Url = "", token: Token = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """List the files of the token's client, the newest first."""
    with PublicFiles(find_client_access(url=url, token=token, data_dir=data_dir)) as api:
        rows = [describe(file) for file in api.list()]
    print_rows(ALL_COLUMNS if as_json else COLUMNS, rows, as_json=as_json)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="The name of a file, such as files/abc123.")],
    url: Url = "",
    token: Token = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show one file with its address and hash."""
    wanted = read_name(name)
    with PublicFiles(find_client_access(url=url, token=token, data_dir=data_dir)) as api:
        print_rows(ALL_COLUMNS, [describe(api.get(wanted))], as_json=as_json)


@app.command("delete")
def delete(names: Names, url: Url = "", token: Token = "", data_dir: DataDir = None) -> None:
    """Delete files for good."""
    wanted = [read_name(name) for name in names]
    with PublicFiles(find_client_access(url=url, token=token, data_dir=data_dir)) as api:
        # All must be there before any is deleted.
        for name in wanted:
            api.get(name)
        for name in wanted:
            api.delete(name)
            remark(f"{name} is deleted")


def describe(file: FileJson) -> Row:
    """Return a file for people."""
    state = str(file.get("state", ""))
    reason = (file.get("error") or {}).get("message", "")
    return {
        "name": str(file.get("name", "")),
        "display_name": str(file.get("displayName", "")),
        "mime_type": str(file.get("mimeType", "")),
        "size_bytes": int(file.get("sizeBytes", 0)),
        "state": f"{state} ({reason})" if reason else state,
        "expires": str(file.get("expirationTime", "")),
        "uri": str(file.get("uri", "")),
        "created": str(file.get("createTime", "")),
        "sha256": str(file.get("sha256Hash", "")),
    }


def _read_source(path: Path, name: str, mime_type: str) -> Source:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise CommandError(f"{path} is not a regular file", exit_code=2)
    guessed = mimetypes.guess_type(path.name)[0]
    if guessed in {None, "application/octet-stream"}:
        # That says nothing; the first bytes may tell the server more.
        guessed = ""
    return Source(
        path.resolve(),
        found.st_size,
        found.st_mtime_ns,
        name or path.name,
        mime_type or guessed or "",
    )


def _upload(api: PublicFiles, access: ClientAccess, source: Source) -> FileJson:
    key = UploadKey(
        str(source.path),
        source.size_bytes,
        source.mtime_ns,
        access.url,
        access.token,
        source.display_name,
        source.mime_type,
    )
    with transfer(source.path.name, source.size_bytes) as shown:
        try:
            with held_note(access.data_dir, key) as note:
                file = Upload(api, source, note, shown).run()
        except KeyboardInterrupt:
            remark(f"{source.path.name} is not complete; the same command goes on")
            raise
        try:
            return _wait_until_usable(api, file)
        except BaseException:
            remark(f"{source.path.name} is uploaded as {file.get('name')}")
            raise


def _wait_until_usable(api: PublicFiles, file: FileJson) -> FileJson:
    name = str(file.get("name"))
    deadline = time.monotonic() + _LONGEST_PROCESSING
    while file.get("state") == "PROCESSING":
        if time.monotonic() > deadline:
            raise CommandError(f"{name} is still being processed; `files show` tells how it is")
        time.sleep(_POLL_SECONDS)
        file = api.get(name)
    if file.get("state") == "FAILED":
        raise CommandError(f"{name} cannot be used: {describe(file)['state']}")
    return file
