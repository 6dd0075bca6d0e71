"""Files in Gemini's dialect: list, get, delete, download."""

import re

import orjson

from services.edge.clients import check_scope
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import Headers
from services.edge.errors import ApiError, bad_request, method_not_allowed, no_files, not_found
from services.edge.files import Files
from services.edge.http import BrokenAnswerError, Exchange
from services.edge.keypool import Client
from services.edge.runtime import Runtime

_NAME = re.compile(r"files/[a-z0-9](?:[a-z0-9-]{0,126}[a-z0-9])?")
_PAGE_SIZE = re.compile(r"[0-9]{1,9}")
_LARGEST_PAGE = 100
_JSON: Headers = [(b"content-type", b"application/json; charset=UTF-8")]
_DELETED = b'{"success":true,"message":"File deleted successfully"}'


class FileRoutes:
    """The routes of `files` and below."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._clients = runtime.clients
        self._files = runtime.files

    async def serve(self, exchange: Exchange, resource: str) -> None:
        """Serve a request for `files`, `files/{id}` or `files/{id}:download`.

        Args:
            exchange: The request.
            resource: What it is for, without its version.
        """
        name, colon, verb = resource.partition(":")
        client = await self._clients.identify(exchange)
        check_scope(client, "files")
        if self._files is None:
            raise no_files()
        if resource == "files":
            _check_method(exchange, "GET")
            await self._list(exchange, self._files, client)
            return
        if colon and verb != "download":
            raise not_found(exchange.method, exchange.path)
        if not _NAME.fullmatch(name):
            raise bad_request(
                "A file's name is 'files/' and lowercase letters, digits and dashes.",
                code="invalid_name",
                param="name",
            )
        if verb:
            _check_method(exchange, "GET")
            await send_download(exchange, self._files, client, name)
        elif exchange.method == "DELETE":
            await self._files.delete_file(client, name)
            await exchange.answer(200, _JSON, _DELETED)
        else:
            _check_method(exchange, "GET")
            await exchange.answer(200, _JSON, (await self._files.get_file(client, name)).described)

    async def _list(self, exchange: Exchange, files: Files, client: Client) -> None:
        size = exchange.query_value("pageSize") or exchange.query_value("page_size")
        token = exchange.query_value("pageToken") or exchange.query_value("page_token")
        if size and not (_PAGE_SIZE.fullmatch(size) and 1 <= int(size) <= _LARGEST_PAGE):
            raise bad_request(
                f"pageSize must be a number from 1 to {_LARGEST_PAGE}.",
                code="invalid_page_size",
                param="pageSize",
            )
        found, next_token = await files.list_files(client, int(size or 0), token)
        # Each file as Google has described it, fields that are new to us included.
        body = b'{"files":[' + b",".join(file.described for file in found) + b"]"
        if next_token:
            body += b',"nextPageToken":' + orjson.dumps(next_token)
        await exchange.answer(200, _JSON, body + b"}")


async def send_download(exchange: Exchange, files: Files, client: Client, name: str) -> None:
    """Answer with the bytes of a file.

    Raises:
        ApiError: They cannot be had.
        BrokenAnswerError: They broke off.
    """
    async with ClientWatch(exchange), files.download(client, name) as download:
        mime_type = download.mime_type or "application/octet-stream"
        headers = [
            (b"content-type", mime_type.encode("latin-1", "replace")),
            # What a client has stored must not run as a page of this origin.
            (b"x-content-type-options", b"nosniff"),
            (b"content-disposition", b"attachment"),
        ]
        await exchange.start(200, headers, length=download.size)
        try:
            async for piece in download.pieces:
                await exchange.write(piece)
        except ApiError:
            raise BrokenAnswerError from None
        await exchange.write(b"", more=False)


def _check_method(exchange: Exchange, allowed: str) -> None:
    if exchange.method != allowed:
        raise method_not_allowed(exchange.method, allowed)
