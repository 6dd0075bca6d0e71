"""Requests to a collection that takes uploads: which protocol they speak, and its start."""

from enum import Enum

from services.edge.errors import bad_request
from services.edge.http import Exchange
from services.edge.keypool import Client
from services.edge.uploads.commands import Command, read_command, read_size
from services.edge.uploads.upload import UploadOrder

_LONGEST_BODY = 256 * 1024


class Protocol(Enum):
    """How a client wants to upload."""

    RESUMABLE = "resumable"
    LEGACY_RESUMABLE = "uploadType=resumable"
    MULTIPART = "multipart"
    RAW = "raw"


_PROTOCOLS = {
    "resumable": Protocol.RESUMABLE,
    "multipart": Protocol.MULTIPART,
    "raw": Protocol.RAW,
}
_UPLOAD_TYPES = {
    "resumable": Protocol.LEGACY_RESUMABLE,
    "multipart": Protocol.MULTIPART,
    "media": Protocol.RAW,
}


def protocol_of(exchange: Exchange) -> Protocol:
    """Return how a client wants to upload.

    One that says nothing at all starts a resumable upload: browsers' pages often send
    the JSON body alone.

    Raises:
        ApiError: 400 for what is no protocol, or a command without the upload it is for.
    """
    named = exchange.header(b"x-goog-upload-protocol") or exchange.query_value("upload_protocol")
    legacy = exchange.query_value("uploadType")
    if named:
        protocol = _PROTOCOLS.get(named.strip().lower())
    elif legacy:
        protocol = _UPLOAD_TYPES.get(legacy.strip().lower())
    elif exchange.header(b"content-type").lower().startswith("multipart/"):
        protocol = Protocol.MULTIPART
    else:
        protocol = Protocol.RESUMABLE
    if protocol is None:
        raise bad_request(
            f"'{(named or legacy)[:40]}' is no upload protocol. Known are resumable, multipart "
            "and raw.",
            code="invalid_upload_protocol",
        )
    if protocol is Protocol.RESUMABLE and read_command(
        exchange.header(b"x-goog-upload-command")
    ) not in {None, Command.START}:
        raise bad_request(
            "Only 'start' goes to this address; other commands go to the X-Goog-Upload-URL "
            "that it answers.",
            code="invalid_upload_command",
        )
    return protocol


async def read_order(exchange: Exchange, client: Client, path: str, *, legacy: bool) -> UploadOrder:
    """Return what a start request asks for.

    Raises:
        ApiError: Its numbers or its body cannot be meant.
        ClientLeftError: The client went away.
    """
    prefix = "x-upload-content" if legacy else "x-goog-upload-header-content"
    length = f"{prefix}-length"
    size = read_size(length, exchange.header(length.encode()))
    body = await exchange.read_body(_LONGEST_BODY)
    if body.strip() and not body.lstrip().startswith(b"{"):
        raise bad_request(
            "The body of an upload's start must be a JSON object; the file's bytes go to the "
            "X-Goog-Upload-URL that it answers.",
            code="invalid_json",
        )
    return UploadOrder(
        client,
        path,
        body,
        mime_type=exchange.header(f"{prefix}-type".encode()),
        size=size,
        file_name=file_name_of(exchange),
    )


def file_name_of(exchange: Exchange) -> str:
    """Return the name of the file at the client's, empty when it does not say."""
    name = exchange.headers.get(b"x-goog-upload-file-name", b"")
    return name.decode("utf-8", "replace")
