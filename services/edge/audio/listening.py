"""The sound of a form: inline when it is short, else uploaded while it arrives."""

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from services.edge.audio.kinds import SUPPORTED, kind_of
from services.edge.errors import ApiError, bad_request
from services.edge.files import Files
from services.edge.http import Exchange
from services.edge.keypool import Client
from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import missing
from services.edge.openai_uploads import upload_file
from services.edge.runtime import Runtime
from services.edge.stored_file import FileState
from services.edge.uploads.form import Form
from services.edge.uploads.multipart import Part
from services.edge.uploads.writing import check_encoding

INLINE_BYTES = 14 * 1024 * 1024
"""The longest sound that goes inline: in base64 it stays below Google's 20 MB a request."""

_FILE = "file"
_PIECE = 1024 * 1024
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound that has been taken.

    Attributes:
        part: What cites or holds it in a request.
        file: The name of the file that was made of it; empty when it is inline.
    """

    part: dict[str, Any]
    file: str = ""


class Listener:
    """Takes the sound of one request."""

    def __init__(self, runtime: Runtime, exchange: Exchange, client: Client) -> None:
        """Take the shared parts, and who sends what."""
        self._files = runtime.files
        self._patience = runtime.settings.time_out
        self._exchange = exchange
        self._client = client

    async def take(self, form: Form, check: Callable[[], object]) -> Sound:
        """Read a form to its end and return its sound.

        Args:
            form: The client's.
            check: Refuses fields that cannot be meant; called once all are there, before the
                sound is anywhere.

        Raises:
            BadRequestError: There is no sound, or `check` refuses.
            ApiError: It cannot be taken.
            FailedError: Google refuses it.
            ClientLeftError: The client went away.
        """
        check_encoding(self._exchange)
        part = await form.read_to_file(_FILE)
        if part is None:
            raise missing(_FILE)
        if "model" in form.fields:
            # Most clients send the file last: a mistake is told before it is read.
            check()
        pieces = form.file()
        held = bytearray()
        async for piece in pieces:
            held += piece
            if len(held) > INLINE_BYTES:
                break
        kind = _kind(bytes(held[:64]), part)
        if len(held) <= INLINE_BYTES:
            await form.read_rest(_FILE)
            check()
            data = base64.b64encode(held).decode()
            return Sound({"inlineData": {"mimeType": kind, "data": data}})

        async def all_pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(held), _PIECE):
                yield bytes(held[start : start + _PIECE])
            held.clear()
            async for piece in pieces:
                yield piece
            await form.read_rest(_FILE)
            check()

        return await self._upload(all_pieces(), kind, part)

    async def ready(self, sound: Sound) -> None:
        """Wait until Google can hear a sound.

        Raises:
            ApiError: 400 when it never will, 504 when it takes too long.
        """
        if not sound.file or self._files is None:
            return
        deadline = time.monotonic() + self._patience
        while True:
            file = await self._files.get_file(self._client, sound.file)
            if file.state is FileState.ACTIVE:
                return
            if file.state is FileState.FAILED:
                raise bad_request(
                    "The upstream cannot process this audio.", code="invalid_value", param=_FILE
                )
            if time.monotonic() > deadline:
                raise ApiError(504, "The upstream takes too long to process this audio.")
            await asyncio.sleep(_POLL_SECONDS)

    async def forget(self, sound: Sound) -> None:
        """Delete the file that was made of a sound, even when the request is given up."""
        if sound.file and self._files is not None:
            await asyncio.shield(asyncio.create_task(self._delete(self._files, sound.file)))

    async def _upload(self, pieces: AsyncIterator[bytes], kind: str, part: Part) -> Sound:
        if self._files is None:
            raise ApiError(
                413,
                f"Audio of more than {INLINE_BYTES} bytes needs the files service, and the edge "
                "has no FILES_TARGET.",
                code="request_too_large",
                param=_FILE,
            )
        name = await upload_file(
            self._files,
            self._exchange,
            self._client,
            pieces,
            file_name=part.file_name,
            mime_type=kind,
        )
        uri = (await self._files.get_file(self._client, name)).uri
        return Sound({"fileData": {"mimeType": kind, "fileUri": uri}}, name)

    async def _delete(self, files: Files, name: str) -> None:
        # Google drops it by itself after 48 hours.
        with contextlib.suppress(ApiError):
            await files.delete_file(self._client, name)


def _kind(head: bytes, part: Part) -> str:
    if not head:
        raise BadRequestError("Invalid 'file': it is empty.", _FILE, "invalid_value")
    kind = kind_of(head, part.mime_type, part.file_name)
    if kind is None:
        raise BadRequestError(
            f"Unrecognized file format. Supported are {', '.join(SUPPORTED)}.",
            _FILE,
            "invalid_value",
        )
    return kind
