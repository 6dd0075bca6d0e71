"""Files in OpenAI's dialect: the same files as in Gemini's, under other ids."""

from collections.abc import AsyncIterator
from typing import Any

from services.edge.errors import ApiError, bad_request, method_not_allowed, no_files, not_found
from services.edge.file_routes import send_download
from services.edge.files import Files
from services.edge.http import Exchange
from services.edge.keypool import Client
from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import missing
from services.edge.openai.files import (
    describe_file,
    file_id_of,
    file_name_of,
    read_purpose,
    read_query,
    told_purpose,
)
from services.edge.openai.ignored import ignored_names
from services.edge.openai_calls import admit, send_answer, tell_ignored
from services.edge.openai_uploads import upload_file
from services.edge.runtime import Runtime
from services.edge.stored_file import StoredFile
from services.edge.uploads.form import Form
from services.edge.uploads.writing import check_encoding, told_type

_FILE = "file"
_PAGE = 100
_TRANSLATED = frozenset({"purpose", _FILE})


class OpenAiFileRoutes:
    """The routes of `/v1/files` and below."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime

    async def serve(self, exchange: Exchange, resource: str) -> None:
        """Serve a request for all files, `{id}` or `{id}/content`.

        Args:
            exchange: The request.
            resource: What follows `/v1/files/`; empty for all files.
        """
        asker = await admit(self._runtime, exchange, "files")
        files, client = self._runtime.files, asker.client
        if files is None:
            raise no_files()
        if not resource:
            if exchange.method == "POST":
                await self._create(exchange, files, client)
                return
            _check_method(exchange, "GET", "GET or POST")
            await send_answer(exchange, await _list(exchange, files, client), [])
            return
        file_id, slash, verb = resource.partition("/")
        if slash and verb != "content":
            raise not_found(exchange.method, exchange.path)
        name = file_name_of(file_id)
        if name is None:
            raise _unknown(file_id)
        try:
            await _serve_one(exchange, files, client, name, is_content=bool(slash))
        except ApiError as error:
            raise (_unknown(file_id) if error.code == "file_unknown" else error) from None

    async def _create(self, exchange: Exchange, files: Files, client: Client) -> None:
        try:
            form = Form(exchange, self._runtime.settings.upload_idle_seconds)
            name = await _take(exchange, files, client, form)
        except (ApiError, BadRequestError):
            await exchange.drain()
            raise
        tell_ignored(exchange, ignored_names(dict.fromkeys(form.fields, True), _TRANSLATED, []))
        file = await files.dedicate_file(client, name, read_purpose(form.value("purpose")))
        await send_answer(exchange, _described(file), [])


async def _take(exchange: Exchange, files: Files, client: Client, form: Form) -> str:
    """Take the file of a form and return its name."""
    check_encoding(exchange)
    part = await form.read_to_file(_FILE)
    if part is None:
        raise missing(_FILE)
    if "purpose" in form.fields:
        # Looked at before a byte of the file goes anywhere; some clients send it last.
        read_purpose(form.value("purpose"))

    async def pieces() -> AsyncIterator[bytes]:
        async for piece in form.file():
            yield piece
        await form.read_rest(_FILE)
        read_purpose(form.value("purpose"))

    return await upload_file(
        files,
        exchange,
        client,
        pieces(),
        file_name=part.file_name,
        mime_type=told_type(part.mime_type),
    )


async def _list(exchange: Exchange, files: Files, client: Client) -> dict[str, Any]:
    is_oldest_first, limit = read_query(
        exchange.query_value("order"), exchange.query_value("limit")
    )
    after, purpose = exchange.query_value("after"), exchange.query_value("purpose")
    # One more than wanted tells whether there are more.
    most = None if is_oldest_first or after else limit + 1
    found = [file async for file in _all(files, client, most, purpose)]
    if is_oldest_first:
        found.reverse()
    if after:
        found = found[_place_of(after, found) + 1 :]
    page = found[:limit]
    return {
        "object": "list",
        "data": [_described(file) for file in page],
        "first_id": file_id_of(page[0].name) if page else None,
        "last_id": file_id_of(page[-1].name) if page else None,
        "has_more": len(found) > limit,
    }


async def _all(
    files: Files, client: Client, most: int | None, purpose: str
) -> AsyncIterator[StoredFile]:
    """Yield the files for a purpose, the newest first."""
    token, count = "", 0
    while most is None or count < most:
        page, token = await files.list_files(client, _PAGE, token)
        for file in page:
            if not purpose or told_purpose(file.purpose) == purpose:
                count += 1
                yield file
        if not token:
            return


def _place_of(file_id: str, found: list[StoredFile]) -> int:
    name = file_name_of(file_id)
    for place, file in enumerate(found):
        if file.name == name:
            return place
    raise ApiError(404, f"No such File object: {file_id[:100]}", param="after")


async def _serve_one(
    exchange: Exchange, files: Files, client: Client, name: str, *, is_content: bool
) -> None:
    if is_content:
        _check_method(exchange, "GET")
        await _send_content(exchange, files, client, name)
    elif exchange.method == "DELETE":
        await files.delete_file(client, name)
        answer = {"id": file_id_of(name), "object": "file", "deleted": True}
        await send_answer(exchange, answer, [])
    else:
        _check_method(exchange, "GET", "GET or DELETE")
        await send_answer(exchange, _described(await files.get_file(client, name)), [])


async def _send_content(exchange: Exchange, files: Files, client: Client, name: str) -> None:
    try:
        await send_download(exchange, files, client, name)
    except ApiError as error:
        if error.code == "file_unknown" or error.status >= 500 or error.status == 429:
            raise
        raise bad_request(
            "The bytes of this file cannot be had: Google gives away only what its models "
            "made. The operator can have bytes kept with FILES_STORE_URL.",
            code="file_not_downloadable",
        ) from None


def _described(file: StoredFile) -> dict[str, Any]:
    return describe_file(
        name=file.name,
        file_name=file.display_name,
        size=file.size,
        created=file.created,
        expires=file.expires,
        purpose=file.purpose,
        state=file.state.value,
    )


def _unknown(file_id: str) -> ApiError:
    return ApiError(404, f"No such File object: {file_id[:100]}", param="id")


def _check_method(exchange: Exchange, method: str, allowed: str = "") -> None:
    if exchange.method != method:
        raise method_not_allowed(exchange.method, allowed or method)
