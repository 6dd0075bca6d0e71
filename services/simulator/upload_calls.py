"""The upload protocol on the wire: start, upload, finalize, query, cancel, multipart and raw."""

from email.message import Message
from typing import Any
from urllib.parse import urlencode

from services.simulator.calls import Call
from services.simulator.errors import ApiError, invalid
from services.simulator.generate import write_json
from services.simulator.http import JSON, ClientGoneError, Exchange
from services.simulator.uploads import GRANULE, FileOrder, PreemptedError, Session
from services.simulator.validation import read_message

_TEXT = "text/plain; charset=utf-8"

Headers = list[tuple[bytes, bytes]]


def read_commands(exchange: Exchange) -> list[str]:
    """Return the upload commands of a request, such as `["upload", "finalize"]`."""
    text = exchange.header(b"x-goog-upload-command").lower()
    return [command.strip() for command in text.split(",") if command.strip()]


def upload_verb(exchange: Exchange) -> str:
    """Return what an upload request does, as faults and counts call it."""
    commands = read_commands(exchange)
    if "upload_id" not in exchange.query and "start" not in commands:
        protocol = exchange.header(b"x-goog-upload-protocol") or exchange.query.get("uploadType")
        return f"upload.{protocol or 'raw'}"
    return f"upload.{commands[-1] if commands else 'none'}"


async def open_upload(call: Call, exchange: Exchange, key: str) -> None:
    """Serve a request to the upload path that names no session."""
    match upload_verb(exchange):
        case "upload.start":
            await _start(call, exchange, key)
        case "upload.multipart":
            await _multipart(call, exchange, key)
        case "upload.raw":
            await _raw(call, exchange, key)
        case _:
            await exchange.skip_body()
            raise invalid("Unsupported upload protocol or command.")


async def _start(call: Call, exchange: Exchange, key: str) -> None:
    length = exchange.header(b"x-goog-upload-header-content-length")
    if length and not length.isdigit():
        raise invalid("X-Goog-Upload-Header-Content-Length is not a number.")
    order = _read_order(
        call,
        key,
        await exchange.read_body(),
        mime_type=exchange.header(b"x-goog-upload-header-content-type"),
        size_bytes=int(length) if length else None,
    )
    session = call.world.uploads.start(order)
    query = {"upload_id": session.upload_id, "upload_protocol": "resumable"}
    if "key" in exchange.query:
        # Google's URL repeats a key that came in the query.
        query["key"] = exchange.query["key"]
    host = exchange.header(b"host")
    scheme = exchange.scope["scheme"]
    url = f"{scheme}://{host}{exchange.path}?{urlencode(query)}".encode()
    await exchange.answer(
        200,
        b"",
        _TEXT,
        [
            (b"x-goog-upload-status", b"active"),
            (b"x-goog-upload-url", url),
            (b"x-goog-upload-control-url", url),
            (b"x-goog-upload-chunk-granularity", b"%d" % GRANULE),
            (b"x-guploader-uploadid", session.upload_id.encode()),
        ],
    )


def _read_order(
    call: Call, key: str, body: bytes, *, mime_type: str, size_bytes: int | None
) -> FileOrder:
    if call.route.name:
        file, name = read_message("UploadToFileSearchStoreRequest", body), ""
    else:
        file = read_message("CreateFileRequest", body).get("file", {})
        name = file.get("name", "")
    return FileOrder(
        project=call.project,
        key=key,
        name=name,
        mime_type=mime_type or file.get("mimeType", ""),
        display_name=file.get("displayName", ""),
        size_bytes=size_bytes,
        store=call.route.name,
        metadata=tuple(file.get("customMetadata", ())),
    )


async def continue_upload(call: Call, exchange: Exchange, session: Session | None) -> None:
    """Serve a request to a session's own URL; it needs no key."""
    commands = read_commands(exchange)
    if session is None:
        await exchange.skip_body()
        await exchange.answer(404, b"Upload not found.", _TEXT)
    elif "query" in commands:
        await exchange.skip_body()
        await _query(exchange, session)
    elif "cancel" in commands:
        await exchange.skip_body()
        await _cancel(exchange, session)
    elif "upload" in commands or "finalize" in commands:
        await _write(call, exchange, session, commands)
    else:
        await exchange.skip_body()
        await _refuse(exchange, session, 400, "Unknown upload command.")


async def _query(exchange: Exchange, session: Session) -> None:
    if session.state == "cancelled":
        await _refuse(exchange, session, 410, "Upload has been cancelled.")
    elif session.result:
        await _send_result(exchange, session.result)
    else:
        await exchange.answer(200, b"", _TEXT, _status(session))


async def _cancel(exchange: Exchange, session: Session) -> None:
    if session.state == "final":
        await _refuse(exchange, session, 400, "Upload has already been finalized.")
        return
    session.begin()
    session.state = "cancelled"
    await exchange.answer(200, b"", _TEXT, _status(session))


async def _write(call: Call, exchange: Exchange, session: Session, commands: list[str]) -> None:
    if problem := _write_problem(exchange, session, commands):
        await exchange.skip_body()
        await _refuse(exchange, session, *problem)
        return
    writer = session.begin()
    try:
        async for piece in exchange.pieces():
            session.take(writer, piece)
        if "finalize" not in commands and exchange.body_bytes % GRANULE:
            await _refuse(exchange, session, 400, _uneven())
            return
        session.keep(writer)
        if "finalize" not in commands:
            await exchange.answer(200, b"", _TEXT, _status(session))
            return
        result = call.world.uploads.finish(session)
    except PreemptedError:
        await exchange.skip_body()
        await _refuse(exchange, session, 409, "Another request is writing to this upload.")
    except ApiError as error:
        session.state = "final"
        await exchange.answer(error.code, error.body(), JSON, _status(session))
    else:
        await _send_result(exchange, result)


def _write_problem(
    exchange: Exchange, session: Session, commands: list[str]
) -> tuple[int, str] | None:
    if session.state == "cancelled":
        code = 400 if commands == ["finalize"] else 410
        return code, "Upload has been cancelled."
    if session.state == "final":
        return 400, "Upload has already been finalized."
    if "upload" not in commands:
        return None
    offset = exchange.header(b"x-goog-upload-offset")
    if not offset.isdigit():
        return 400, "X-Goog-Upload-Offset is missing."
    if int(offset) != session.received:
        return 409, f"Wrong offset: {offset}, but {session.received} bytes have been received."
    length = exchange.header(b"content-length")
    if "finalize" not in commands and length.isdigit() and int(length) % GRANULE:
        return 400, _uneven()
    return None


def _uneven() -> str:
    return f"The size of every chunk but the last must be a multiple of {GRANULE} bytes."


def _status(session: Session) -> Headers:
    headers = [(b"x-goog-upload-status", session.state.encode())]
    if session.state == "active":
        headers.append((b"x-goog-upload-size-received", b"%d" % session.received))
        headers.append((b"x-goog-upload-chunk-granularity", b"%d" % GRANULE))
    return headers


async def _refuse(exchange: Exchange, session: Session, code: int, text: str) -> None:
    await exchange.answer(code, text.encode(), _TEXT, _status(session))


async def _send_result(exchange: Exchange, result: dict[str, Any]) -> None:
    headers = [(b"x-goog-upload-status", b"final")]
    await exchange.answer(200, write_json(result), JSON, headers)


async def _raw(call: Call, exchange: Exchange, key: str) -> None:
    """Take the body as the file."""
    session = call.world.uploads.start(
        FileOrder(
            project=call.project,
            key=key,
            mime_type=exchange.header(b"x-goog-upload-header-content-type")
            or exchange.header(b"content-type"),
            display_name=exchange.header(b"x-goog-upload-file-name"),
            store=call.route.name,
        )
    )
    writer = session.begin()
    try:
        async for piece in exchange.pieces():
            session.take(writer, piece)
    except ClientGoneError:
        session.state = "cancelled"
        raise
    session.keep(writer)
    await _send_result(exchange, call.world.uploads.finish(session))


async def _multipart(call: Call, exchange: Exchange, key: str) -> None:
    """Take a body of two parts: the record as JSON, then the bytes."""
    parts = split_multipart(exchange.header(b"content-type"), await exchange.read_body())
    if len(parts) != 2:
        raise invalid("A multipart upload has two parts: metadata and media.")
    (_, metadata), (mime_type, media) = parts
    order = _read_order(call, key, metadata, mime_type=mime_type, size_bytes=None)
    session = call.world.uploads.start(order)
    writer = session.begin()
    session.take(writer, media)
    session.keep(writer)
    await _send_result(exchange, call.world.uploads.finish(session))


def split_multipart(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    """Return the media type and the bytes of each part of a multipart body.

    Raises:
        ApiError: The boundary is missing, or the body does not keep to it.
    """
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str):
        raise invalid("The multipart boundary is missing.")
    mark = b"--" + boundary.encode("latin-1", "replace")
    sections = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise invalid("The multipart body is malformed.")
    parts = []
    for section in sections[1:-1]:
        head, gap, content = section.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if section.startswith(b"\r\n\r\n"):
            head, gap, content = b"", b"\r\n\r\n", section[4:]
        if not gap:
            raise invalid("The multipart body is malformed.")
        parts.append((_part_type(head), content))
    return parts


def _part_type(head: bytes) -> str:
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-type":
            return value.strip()
    return ""
