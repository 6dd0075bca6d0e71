"""A resumable upload to the public API that survives whatever breaks on the way."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from services.cli.errors import CommandError
from services.cli.public_files import FileJson, PublicFiles, explain_refusal, explain_silence
from services.cli.upload_notes import UploadNote

CHUNK = 8 * 1024 * 1024
"""Bytes in one request, as Google's own clients send them."""

_PIECE = 256 * 1024
# Tries in a row that bring no byte further; with their pauses about 40 s.
_TRIES = 8
_LONGEST_PAUSE = 10.0
# Worth another try, after asking how far the upload is.
_TRANSIENT = frozenset({408, 409, 416, 425, 429})
_LOST = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Source:
    """A file to upload.

    Attributes:
        path: Where it is.
        size_bytes: Its size.
        mtime_ns: When it was last written.
        display_name: Its name for people.
        mime_type: Its type; empty lets the server find out.
    """

    path: Path
    size_bytes: int
    mtime_ns: int
    display_name: str
    mime_type: str

    def is_unchanged(self) -> bool:
        """Return whether the file is still the one that the upload began with."""
        now = self.path.stat()
        return (now.st_size, now.st_mtime_ns) == (self.size_bytes, self.mtime_ns)


class _NotNowError(Exception):
    """A request failed in a way that another try may mend."""

    def __init__(self, reason: str, pause_seconds: float = 0) -> None:
        super().__init__(reason)
        self.pause_seconds = pause_seconds


class _LostError(Exception):
    """The server does not know the upload any more."""


class Upload:
    """One file on its way."""

    def __init__(
        self,
        api: PublicFiles,
        source: Source,
        note: UploadNote,
        show: Callable[[int], None],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            api: Where it goes.
            source: What goes there.
            note: What an earlier try has left, and this one leaves.
            show: Takes how many bytes have been sent.
            sleep: Waits.
        """
        self._api = api
        self._source = source
        self._note = note
        self._show = show
        self._sleep = sleep
        # None until the server has told it.
        self._committed: int | None = None

    def run(self) -> FileJson:
        """Send what is missing and return the file.

        Raises:
            CommandError: It was refused, or given up after many tries; then the note stays.
        """
        failures, farthest = 0, 0
        while True:
            try:
                file = self._go_on()
            except _LostError:
                self._note.forget()
                problem = _NotNowError("the server has lost the upload")
            except _NotNowError as error:
                problem = error
            else:
                if file is not None:
                    self._note.forget()
                    return file
                if self._committed is not None and self._committed > farthest:
                    failures, farthest = 0, self._committed
                continue
            self._committed = None
            failures += 1
            if failures >= _TRIES:
                raise CommandError(f"{self._source.path}: {problem}; the same command goes on")
            self._sleep(min(max(problem.pause_seconds, 0.25 * 2**failures), _LONGEST_PAUSE))

    def _go_on(self) -> FileJson | None:
        if self._committed is not None:
            return self._send_chunk(self._committed)
        if self._note.upload_url:
            return self._ask()
        self._start()
        return None

    def _start(self) -> None:
        source = self._source
        headers = {
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-length": str(source.size_bytes),
        }
        if source.mime_type:
            headers["x-goog-upload-header-content-type"] = source.mime_type
        answer = self._send(
            "/upload/v1beta/files",
            headers,
            authorised=True,
            json={"file": {"displayName": source.display_name}},
        )
        upload_url = answer.headers.get("x-goog-upload-url", "")
        if not upload_url:
            raise CommandError(f"{self._source.path}: {self._api.url} does not take uploads")
        self._note.remember(upload_url)
        self._committed = 0

    def _ask(self) -> FileJson | None:
        answer = self._send(self._note.upload_url, {"x-goog-upload-command": "query"}, content=b"")
        return self._read(answer)

    def _send_chunk(self, offset: int) -> FileJson | None:
        if not self._source.is_unchanged():
            self._note.forget()
            raise CommandError(f"{self._source.path} has changed while it was uploaded")
        end = min(offset + CHUNK, self._source.size_bytes)
        is_last = end == self._source.size_bytes
        headers = {
            "x-goog-upload-command": "upload, finalize" if is_last else "upload",
            "x-goog-upload-offset": str(offset),
            "content-length": str(end - offset),
        }
        answer = self._send(self._note.upload_url, headers, content=self._pieces(offset, end))
        if answer.headers.get("x-goog-upload-status") == "active" and not is_last:
            self._committed = end
            return None
        file = self._read(answer)
        if file is None and self._committed == offset:
            raise _NotNowError(f"{self._api.url} does not take the bytes")
        return file

    def _pieces(self, offset: int, end: int) -> Iterator[bytes]:
        with self._source.path.open("rb") as file:
            file.seek(offset, os.SEEK_SET)
            while offset < end and (piece := file.read(min(_PIECE, end - offset))):
                yield piece
                offset += len(piece)
                self._show(offset)

    def _read(self, answer: httpx.Response) -> FileJson | None:
        """Return the file when the upload is done, else note how far it is."""
        try:
            match answer.headers.get("x-goog-upload-status"):
                case "final":
                    file: FileJson = answer.json()["file"]
                    return file
                case "active":
                    self._committed = int(answer.headers["x-goog-upload-size-received"])
                    self._show(self._committed)
                    return None
        except (ValueError, KeyError, TypeError):
            pass
        raise _NotNowError(f"{self._api.url} gave an answer that makes no sense")

    def _send(
        self, url: str, headers: dict[str, str], *, authorised: bool = False, **options: Any
    ) -> httpx.Response:
        try:
            answer = self._api.send("POST", url, headers=headers, authorised=authorised, **options)
        except httpx.TransportError as error:
            raise _NotNowError(explain_silence(self._api.url, error)) from error
        if answer.is_success:
            return answer
        if not authorised and answer.status_code in _LOST:
            raise _LostError
        reason = explain_refusal(self._api.url, answer)
        is_final = answer.headers.get("x-goog-upload-status") == "final"
        if not is_final and (answer.is_server_error or answer.status_code in _TRANSIENT):
            raise _NotNowError(reason, _retry_after(answer))
        self._note.forget()
        raise CommandError(f"{self._source.path}: {reason}")


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() else 0.0
